/** The token of one gateway and user, kept alive. */
export interface Tokens {
  /** A token to send now; renewed ahead of its end where that can be done. */
  current(): Promise<string>;
  /** Another token than the refused one, or undefined where none can be had. */
  renew(refused: string): Promise<string | undefined>;
}
