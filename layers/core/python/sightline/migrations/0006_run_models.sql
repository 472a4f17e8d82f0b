-- Which model embeds a run: written with its first sheet, and every later sheet must come from the same.

ALTER TABLE asset ADD COLUMN model_id text;
ALTER TABLE asset ADD COLUMN model_revision text;
ALTER TABLE asset ADD CHECK ((model_id IS NULL) = (model_revision IS NULL));
