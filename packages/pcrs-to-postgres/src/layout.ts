/** Written into a comment of q_pcrs_status, so that a later version can recognise an older layout. */
export const layoutVersion = 1;
