/** What the library and the flags take if nothing is said. */
export const defaults = { hostsPerRequest: 1000, policiesPerRequest: 10, concurrency: 2 } as const;
