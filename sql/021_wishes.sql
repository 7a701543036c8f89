-- Wishes (018) are obeyed: who does marks a wish as begun in the transaction in which it reads how things stand, and takes it away in
-- the one in which the work is done. Wished again meanwhile it is the same one, unless more is asked for than what runs: then it
-- stands anew and runs once more behind it.

CREATE OR REPLACE FUNCTION fairlead.wish_for(p_kind text, p_subject text, p_from bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_id bigint;
BEGIN
	IF NOT (CASE p_kind
	       WHEN 'catchup' THEN EXISTS (SELECT FROM fairlead.chain WHERE name = p_subject AND retired IS NULL)
	       WHEN 'flush' THEN EXISTS (SELECT FROM fairlead.batch_decl WHERE name = p_subject AND retired IS NULL)
	       ELSE p_kind IN ('run', 'replay') END) THEN
		RAISE EXCEPTION 'there is no % to %', p_subject, p_kind USING ERRCODE = 'FL005';
	END IF;
	INSERT INTO fairlead.wish AS w (kind, subject, from_block) VALUES (p_kind, p_subject, p_from)
	ON CONFLICT (kind, subject) DO UPDATE
	   SET from_block = least(w.from_block, EXCLUDED.from_block),
	       began = CASE WHEN EXCLUDED.from_block < coalesce(w.from_block, 9223372036854775807) THEN NULL ELSE w.began END
	RETURNING id INTO v_id;
	PERFORM pg_notify('fairlead_wish', p_kind || ':' || p_subject);
	RETURN v_id;
END $$;

-- replay: where it stands. It ends behind the number that the chain's lane had applied when it began.
ALTER TABLE fairlead.wish ADD COLUMN behind bigint, ADD COLUMN upto bigint;

-- An event that the rule can't be applied to again: a person has to look, and the others follow.
CREATE FUNCTION fairlead.replay_bury(p_lane text, p_epoch bigint, p_wish bigint, p_seq bigint, p_state text, p_text text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	UPDATE fairlead.wish SET behind = p_seq WHERE id = p_wish AND behind = p_seq - 1;
	IF FOUND THEN
		INSERT INTO fairlead.dead_letter (lane, seq, what, sqlstate, message, tries)
		VALUES (p_lane, p_seq, 'replay of number ' || p_seq, p_state, p_text, 1);
	END IF;
END $$;
