-- A holder that freezes between two statements of a pipeline that no Sync has ended keeps the lane's row locked, and PostgreSQL does not
-- end it: it is not "idle in transaction", it waits for the rest of a command. Its lease runs out all the same. Who wants the lane then
-- ends that backend (P5). A holder that works is never ended: its backend does not wait for a client, and the taker waits for its commit.
CREATE OR REPLACE FUNCTION fairlead.take(p_lane text, p_holder text, p_ttl interval, OUT epoch bigint, OUT at bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO fairlead.lane (name) SELECT p_lane
	 WHERE NOT EXISTS (SELECT FROM fairlead.lane l WHERE l.name = p_lane)
	ON CONFLICT DO NOTHING;
	BEGIN
		PERFORM pg_terminate_backend(a.pid)
		   FROM fairlead.lane l
		   JOIN pg_locks k ON k.transactionid = l.xmax AND k.locktype = 'transactionid' AND k.mode = 'ExclusiveLock' AND k.granted
		   JOIN pg_stat_activity a ON a.pid = k.pid
		  WHERE l.name = p_lane AND l.until < clock_timestamp() AND l.xmax <> '0'
		    AND a.pid <> pg_backend_pid() AND a.wait_event = 'ClientRead' AND a.state_change < clock_timestamp() - p_ttl / 2;
	EXCEPTION WHEN insufficient_privilege THEN
		NULL; -- another role's: as long as it stands, the lane is its
	END;
	UPDATE fairlead.lane l
	   SET epoch = l.epoch + 1, holder = p_holder, since = clock_timestamp(), until = clock_timestamp() + p_ttl,
	       backend = pg_backend_pid()
	 WHERE l.name = p_lane
	   AND (l.until < clock_timestamp() OR NOT EXISTS (SELECT FROM pg_stat_get_activity(l.backend)))
	RETURNING l.epoch, l.at INTO take.epoch, take.at;
END $$;
