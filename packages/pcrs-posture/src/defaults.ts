/** Defaults of the library and the flags. */
export const defaults = { hostsPerRequest: 1000, policiesPerRequest: 10, concurrency: 2 } as const;
