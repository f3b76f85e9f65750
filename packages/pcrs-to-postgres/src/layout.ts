/** Written into a comment of q_pcrs_status, so that a later layout can tell an earlier one. */
export const layoutVersion = 1;
