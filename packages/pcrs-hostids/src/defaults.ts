/** What the library and the flag take if nothing is said. */
export const policiesPerRequest = 10;
