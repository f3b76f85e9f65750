-- The version of every row: its place, and the transaction that wrote it.
SELECT tableoid::regclass, ctid, xmin FROM pcrs.q_pcrs_policy_list
UNION ALL SELECT tableoid::regclass, ctid, xmin FROM pcrs.q_pcrs_hostids
UNION ALL SELECT tableoid::regclass, ctid, xmin FROM pcrs.q_pcrs_postureinfo
UNION ALL SELECT tableoid::regclass, ctid, xmin FROM pcrs.q_pcrs_postureinfo_controls;
