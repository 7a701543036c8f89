-- batches.gas: a batch stops at so much gas as well as at so many items (CHAIN S5). What an item takes is known only when a batch is
-- simulated, so the first one that is too large teaches how many fit, and the cut makes them no larger for a while; then it tries again.
ALTER TABLE fairlead.batch_decl
	ADD COLUMN fits       int CHECK (fits >= 1),
	ADD COLUMN fits_until timestamptz;

CREATE FUNCTION fairlead.batch_fits(p_lane text, p_epoch bigint, p_batch text, p_fits int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	UPDATE fairlead.batch_decl SET fits = p_fits, fits_until = clock_timestamp() + interval '10 minutes' WHERE name = p_batch;
END $$;

-- How many items a batch of it is cut with at most.
CREATE FUNCTION fairlead.batch_room(p_batch text, p_max int) RETURNS int STABLE LANGUAGE sql AS $$
	SELECT coalesce((SELECT least(p_max, fits) FROM fairlead.batch_decl WHERE name = p_batch AND fits_until > clock_timestamp()), p_max)
$$;

SELECT fairlead.grant_to(ARRAY['submitter'], 'UPDATE (fits, fits_until) ON fairlead.batch_decl');
SELECT fairlead.grant_engine();
