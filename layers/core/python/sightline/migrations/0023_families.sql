-- Alerts that may be of one incident are one family: which of them are is decided anew with each one that comes.
ALTER TABLE alert ADD COLUMN family_id uuid;
UPDATE alert SET family_id = incident_id;
CREATE INDEX alert_family ON alert (family_id, occurred_at DESC, id DESC);

-- Held: a person put its alerts together or apart, or it was made before there were families: they stay.
ALTER TABLE incident ADD COLUMN held boolean NOT NULL DEFAULT false;
UPDATE incident SET held = true;

-- Keys are those of an alert's beginning, and say what it is in themselves.
DELETE FROM alert_key;
ALTER TABLE alert_key DROP COLUMN traits;
