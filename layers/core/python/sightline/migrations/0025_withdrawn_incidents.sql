-- An incident that was told of and lost its alerts to another is withdrawn; whose they are now is found by what
-- their new incident's timeline says.
ALTER TABLE incident_event DROP CONSTRAINT incident_event_kind_check;
ALTER TABLE incident_event ADD CONSTRAINT incident_event_kind_check CHECK (kind IN (
    'opened', 'severity_changed', 'status_changed', 'owner_changed', 'title_changed', 'alert_joined',
    'merged', 'split', 'snoozed', 'unsnoozed', 'reopened', 'resolved', 'withdrawn', 'summarised', 'noted',
    'alerts_reached'));
CREATE INDEX incident_event_left ON incident_event ((before->>'incident_id'))
    WHERE kind = 'alert_joined' AND before ? 'incident_id';

-- A bot's message of which nobody knows whether it was posted: until when it may have been.
ALTER TABLE notification_message ADD COLUMN astray timestamptz;
