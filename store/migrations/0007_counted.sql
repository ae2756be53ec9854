-- counted_at is when listing_count was counted. checked_at can't say so: it moves
-- whenever Hostaway takes the credentials, without a count.
ALTER TABLE connections_all ADD COLUMN counted_at INTEGER;
UPDATE connections_all SET counted_at = checked_at WHERE listing_count IS NOT NULL;
