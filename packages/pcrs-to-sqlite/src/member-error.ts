/** A record's member cannot be stored: which, and why. */
export class MemberError extends Error {}
