-- What a slot, an attempt, an answer and a verdict refer to is looked up once a statement, as attempt_item_guard does, and no longer by
-- a foreign key at each of a hundred rows: five of those were a third of what a transaction cost here. What is referred to can't go:
-- slots, attempts and (from here on) batches are never deleted, and none of them changes its key.

CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON fairlead.batch EXECUTE FUNCTION fairlead.append_only();

ALTER TABLE fairlead.slot DROP CONSTRAINT slot_chain_fkey, DROP CONSTRAINT slot_batch_fkey;
CREATE FUNCTION fairlead.slot_refers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE n record;
BEGIN
	SELECT f.chain, f.nonce, f.batch INTO n
	  FROM fresh f
	  LEFT JOIN LATERAL (SELECT chain FROM fairlead.batch WHERE id = f.batch OFFSET 0) b ON true
	 WHERE CASE WHEN f.batch IS NULL THEN NOT EXISTS (SELECT FROM fairlead.chain c WHERE c.id = f.chain)
	            ELSE b.chain IS DISTINCT FROM f.chain END LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'slot %/% is of no chain or batch that is there (%)', n.chain, n.nonce, n.batch USING ERRCODE = '23503';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER slot_refers AFTER INSERT ON fairlead.slot REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.slot_refers();
-- Rare: a slot without a signed attempt gets another batch, or none.
CREATE FUNCTION fairlead.slot_refers_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.batch IS NOT NULL AND NOT EXISTS (SELECT FROM fairlead.batch b WHERE b.id = NEW.batch AND b.chain = NEW.chain) THEN
		RAISE EXCEPTION 'slot %/%: there is no batch % of its chain', NEW.chain, NEW.nonce, NEW.batch USING ERRCODE = '23503';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER slot_refers_anew BEFORE UPDATE ON fairlead.slot FOR EACH ROW
	WHEN (NEW.batch IS DISTINCT FROM OLD.batch OR NEW.chain <> OLD.chain) EXECUTE FUNCTION fairlead.slot_refers_anew();

-- An attempt is made for an open slot only; a slot's own guard keeps its key.
ALTER TABLE fairlead.attempt DROP CONSTRAINT attempt_chain_signer_nonce_fkey;
CREATE OR REPLACE FUNCTION fairlead.attempt_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE a record;
BEGIN
	SELECT n.chain, n.nonce, s.open INTO a
	  FROM fresh n
	  LEFT JOIN LATERAL (SELECT closed IS NULL AS open FROM fairlead.slot
	                      WHERE (chain, signer, nonce) = (n.chain, n.signer, n.nonce) OFFSET 0) s ON true
	 WHERE s.open IS NOT TRUE LIMIT 1;
	IF FOUND AND a.open IS NULL THEN
		RAISE EXCEPTION 'there is no slot %/%', a.chain, a.nonce USING ERRCODE = '23503';
	ELSIF FOUND THEN
		RAISE EXCEPTION 'slot %/% is closed', a.chain, a.nonce USING ERRCODE = 'FL004';
	END IF;
	RETURN NULL;
END $$;

-- What an endpoint answered and what a receipt said are about bytes of ours.
ALTER TABLE fairlead.sending DROP CONSTRAINT sending_hash_fkey;
ALTER TABLE fairlead.verdict DROP CONSTRAINT verdict_hash_fkey;
CREATE FUNCTION fairlead.about_ours() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_hash bytea;
BEGIN
	SELECT n.hash INTO v_hash
	  FROM fresh n
	  LEFT JOIN LATERAL (SELECT true AS there FROM fairlead.attempt WHERE hash = n.hash OFFSET 0) a ON true
	 WHERE a.there IS NULL LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION '% is about no attempt of ours: 0x%', TG_RELID::regclass, encode(v_hash, 'hex') USING ERRCODE = '23503';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER about_ours AFTER INSERT ON fairlead.sending REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.about_ours();
CREATE TRIGGER about_ours AFTER INSERT ON fairlead.verdict REFERENCING NEW TABLE AS fresh
	FOR EACH STATEMENT EXECUTE FUNCTION fairlead.about_ours();
CREATE TRIGGER stays_about_ours BEFORE UPDATE OF hash ON fairlead.sending EXECUTE FUNCTION fairlead.append_only();
CREATE TRIGGER stays_about_ours BEFORE UPDATE OF hash ON fairlead.verdict EXECUTE FUNCTION fairlead.append_only();

-- As before (023), but who holds a claim still is looked up once, not for each batch that is passed over.
CREATE OR REPLACE FUNCTION fairlead.claim(p_lane text, p_epoch bigint, p_pool text, p_chain smallint, p_keys int, p_limit int, p_but bigint[])
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
	v_free int;
	v_that constant text := 'pool = $1 AND state = ''ready'' AND chain = $2 AND id <> ALL ($3) AND (claim IS NULL OR claim = $4'
		' OR (claim, claim_epoch) NOT IN (SELECT l.name, l.epoch FROM fairlead.lane l WHERE l.until > clock_timestamp()))';
BEGIN
	EXECUTE format('SELECT count(*) FROM (SELECT FROM fairlead.batch WHERE %s ORDER BY rank, id LIMIT %s) b', v_that, p_limit * p_keys)
	   INTO v_free USING p_pool, p_chain, p_but, p_lane;
	IF v_free = 0 THEN
		RETURN;
	END IF;
	PERFORM fairlead.hold(p_lane, p_epoch);
	RETURN QUERY EXECUTE format('UPDATE fairlead.batch b SET claim = $4, claim_epoch = $5'
		' FROM (SELECT id FROM fairlead.batch WHERE %s ORDER BY rank, id LIMIT %s FOR UPDATE SKIP LOCKED) f'
		' WHERE b.id = f.id RETURNING b.id', v_that, greatest(1, least(p_limit, (v_free + p_keys - 1) / p_keys)))
	 USING p_pool, p_chain, p_but, p_lane, p_epoch;
END $$;

-- As before (026): orders are few, open slots may be thousands.
CREATE OR REPLACE FUNCTION fairlead.orders(p_chain smallint, p_signer bytea) RETURNS TABLE (nonce bigint, kind text, who text) STABLE LANGUAGE sql AS $$
	SELECT s.nonce, o.kind, o.who
	  FROM fairlead.slot_order o
	  CROSS JOIN LATERAL (SELECT nonce, chain, signer, closed FROM fairlead.slot WHERE batch = o.batch OFFSET 0) s
	 WHERE o.ended IS NULL AND s.chain = p_chain AND s.signer = p_signer AND s.closed IS NULL
$$;
