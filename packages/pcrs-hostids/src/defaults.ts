/** Default of the library and the flag. */
export const policiesPerRequest = 10;
