-- The flat form of QualysETL: all columns as text but the ids, no key, texts in every row.
CREATE TABLE Q_PCRS_PostureInfo AS SELECT * FROM source.v_pcrs_postureinfo;
