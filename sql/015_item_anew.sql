-- An item in a batch carries the content of the event that stands: when its own went and another event of its key comes with other
-- content, it leaves a batch that no slot is bound to and waits to be cut again, since what the cut added was asked with the old names.
-- The batch row is locked as send_commit locks it: the batch is sent without the item, or it is bound first. What is bound keeps what it
-- was composed of: a slot is one attempt's bytes (S1).
CREATE FUNCTION fairlead.item_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM fairlead.batch WHERE id = OLD.batch AND state = 'ready' FOR UPDATE;
	IF NOT FOUND THEN
		NEW.args := OLD.args;
		RETURN NEW;
	END IF;
	UPDATE fairlead.batch
	   SET items = items - 1, state = CASE WHEN items = 1 THEN 'dropped' ELSE state END,
	       reason = CASE WHEN items = 1 THEN 'every item was taken back' ELSE reason END
	 WHERE id = OLD.batch;
	NEW.state := 'waiting';
	NEW.batch := NULL;
	NEW.reason := NULL;
	RETURN NEW;
END $$;
CREATE TRIGGER item_anew BEFORE UPDATE OF cause ON fairlead.item FOR EACH ROW
	WHEN (OLD.state = 'batched' AND NEW.state = 'batched' AND OLD.cause IS NULL AND NEW.cause IS NOT NULL AND NEW.args <> OLD.args)
	EXECUTE FUNCTION fairlead.item_anew();
