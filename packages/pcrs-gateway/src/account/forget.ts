import { type IdentityOptions, identify } from './identity.ts';
import { stateRoot } from './state-directory.ts';
import { TokenStore } from './token-store.ts';

/**
 * Deletes the token file that the options select, expired or not. Yields its path, or undefined if there was none.
 *
 * Throws  PCRS_USAGE if they select several
 */
export function forget(options: IdentityOptions): string | undefined {
  const root = stateRoot(options.env);
  if (root === undefined) return undefined;
  const store = new TokenStore(root, options.uid);
  // At time 0 every token is still live.
  const { url, username } = identify(options, undefined, store, 0);
  if (username === undefined || !store.remove(url, username)) return undefined;
  return store.path(url, username);
}
