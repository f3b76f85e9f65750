import { type IdentityOptions, identify } from './identity.ts';
import { stateRoot } from './state-directory.ts';
import { TokenStore } from './token-store.ts';

/**
 * Deletes the token file that the options mean, live or not; yields its path, or undefined where there was none.
 *
 * Throws  PCRS_USAGE where several are meant
 */
export function forget(options: IdentityOptions): string | undefined {
  const root = stateRoot(options.env);
  if (root === undefined) return undefined;
  const store = new TokenStore(root, options.uid);
  // At the time 0 every token still lives.
  const { url, username } = identify(options, undefined, store, 0);
  if (username === undefined || !store.remove(url, username)) return undefined;
  return store.path(url, username);
}
