-- A payload that nobody takes, at the head of a lane (S3): who holds the lane orders a no-op in its place, as a person would, so that what
-- stands above can go. Its items are parked until a person has looked.
CREATE FUNCTION fairlead.order_hopeless(p_lane text, p_epoch bigint, p_batch bigint, p_said text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	IF NOT EXISTS (SELECT FROM fairlead.slot_order WHERE batch = p_batch AND kind = 'cancel') THEN
		PERFORM fairlead.order_add('fairlead', 'cancel', p_batch, 'No endpoint takes it: ' || p_said);
	END IF;
END $$;
SELECT fairlead.grant_engine();
