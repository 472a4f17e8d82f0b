-- What every search showed on its first page, not only what runs of saved searches did; null where it was shown before.
ALTER TABLE search_shown
    ADD COLUMN start_s double precision,
    ADD COLUMN end_s double precision,
    ADD COLUMN score double precision;
