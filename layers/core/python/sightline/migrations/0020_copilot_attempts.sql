-- A question that fails every time ends as failed.
ALTER TABLE copilot_answer ADD COLUMN attempts integer NOT NULL DEFAULT 0;  -- how often it was taken
