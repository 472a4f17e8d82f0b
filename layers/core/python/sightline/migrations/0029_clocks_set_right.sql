-- When the latest of an alert's times, its last firing or its recovery, was heard of: only so can a clock that ran ahead be
-- told from a delivery that comes late. Unknown of what was told before.
ALTER TABLE alert ADD COLUMN heard_at timestamptz;
ALTER TABLE alert_recovery ADD COLUMN heard_at timestamptz;
