-- As before (029), but a lane's share is of all that is ready, what others of its pool hold too: a quarter of the rest, and a quarter
-- of that, made a score of ever smaller commits of every tail.
CREATE OR REPLACE FUNCTION fairlead.claim(p_lane text, p_epoch bigint, p_pool text, p_chain smallint, p_keys int, p_limit int, p_but bigint[])
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
	v_most  constant int := 100; -- another lane holds no more of them
	v_all   int;
	v_free  int;
	v_ready constant text := 'pool = $1 AND state = ''ready'' AND chain = $2 AND id <> ALL ($3)';
	v_mine  constant text := '(claim IS NULL OR claim = $4'
		' OR (claim, claim_epoch) NOT IN (SELECT l.name, l.epoch FROM fairlead.lane l WHERE l.until > clock_timestamp()))';
BEGIN
	EXECUTE format('SELECT count(*), count(*) FILTER (WHERE b.free) FROM (SELECT %s AS free FROM fairlead.batch WHERE %s ORDER BY rank, id LIMIT %s) b',
		v_mine, v_ready, p_keys * (p_limit + v_most))
	   INTO v_all, v_free USING p_pool, p_chain, p_but, p_lane;
	IF v_free = 0 THEN
		RETURN;
	END IF;
	PERFORM fairlead.hold(p_lane, p_epoch);
	RETURN QUERY EXECUTE format('UPDATE fairlead.batch b SET claim = $4, claim_epoch = $5'
		' FROM (SELECT id FROM fairlead.batch WHERE %s AND %s ORDER BY rank, id LIMIT %s FOR UPDATE SKIP LOCKED) f'
		' WHERE b.id = f.id RETURNING b.id', v_ready, v_mine, least(p_limit, (v_all + p_keys - 1) / p_keys))
	 USING p_pool, p_chain, p_but, p_lane, p_epoch;
END $$;
