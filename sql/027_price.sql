-- Prices: what a lane has learned of them, what a chain below charged, which batches wait for a better one (CHAIN S3, S9).

-- What a lane's own transactions have shown (submitter/price.h). Kept so that a restart does not pay for it again; losing it costs a
-- few wei, so nothing else refers to it.
CREATE TABLE fairlead.price (
	lane  text PRIMARY KEY,
	lean  smallint NOT NULL,                    -- levels of tip more, or less, than the market's
	rule  int NOT NULL,                         -- permille of the old price that the node wants of a replacement
	floor numeric(78) NOT NULL                  -- least tip that its pool takes, wei per gas
);

CREATE FUNCTION fairlead.price_keep(p_lane text, p_epoch bigint, p_lean smallint, p_rule int, p_floor numeric) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	INSERT INTO fairlead.price AS p (lane, lean, rule, floor) VALUES (p_lane, p_lean, p_rule, p_floor)
	ON CONFLICT (lane) DO UPDATE SET (lean, rule, floor) = (EXCLUDED.lean, EXCLUDED.rule, EXCLUDED.floor);
END $$;

-- Ready batches that wait for a better price: those of these names that are younger than the age beside it. Read as "not these".
CREATE FUNCTION fairlead.price_waits(p_pool text, p_chain smallint, p_names text[], p_ages_ms bigint[]) RETURNS bigint[]
STABLE LANGUAGE sql AS $$
	SELECT ARRAY(SELECT b.id FROM unnest(p_names, p_ages_ms) g(name, age_ms)
	               JOIN fairlead.batch b ON b.pool = p_pool AND b.state = 'ready' AND b.chain = p_chain AND b.name = g.name
	              WHERE b.at > clock_timestamp() - g.age_ms * interval '1 millisecond')
$$;

-- A rollup's transaction pays the chain below for its data too; the receipt says how much (OP stack: l1Fee).
ALTER TABLE fairlead.verdict ADD COLUMN l1_fee numeric(78);
DROP FUNCTION fairlead.verdicts_add(text, bigint, bytea[], bytea[], smallint, bigint[], bool[], bigint[], numeric[]);
CREATE FUNCTION fairlead.verdicts_add(p_lane text, p_epoch bigint, p_hashes bytea[], p_block_hashes bytea[], p_chain smallint,
	p_blocks bigint[], p_ok bool[], p_gas bigint[], p_prices numeric[], p_l1_fees numeric[] DEFAULT NULL) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE v_n int;
BEGIN
	PERFORM fairlead.hold(p_lane, p_epoch);
	INSERT INTO fairlead.verdict (hash, block_hash, chain, block, ok, gas_used, price, l1_fee)
	SELECT g.hash, g.block_hash, p_chain, g.block, g.ok, g.gas, g.price, g.l1_fee
	  FROM unnest(p_hashes, p_block_hashes, p_blocks, p_ok, p_gas, p_prices, p_l1_fees)
	       g(hash, block_hash, block, ok, gas, price, l1_fee)
	ON CONFLICT (hash, block_hash) DO NOTHING;
	GET DIAGNOSTICS v_n = ROW_COUNT;
	IF v_n > 0 THEN
		UPDATE fairlead.batch SET mined = clock_timestamp()
		 WHERE mined IS NULL
		   AND id = ANY (ARRAY(SELECT s.batch FROM fairlead.attempt a
		                         JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = (a.chain, a.signer, a.nonce)
		                        WHERE a.hash = ANY (p_hashes) AND s.batch IS NOT NULL));
	END IF;
	RETURN v_n;
END $$;

-- What a batch cost in all.
CREATE OR REPLACE VIEW fairlead.txs AS
SELECT b.id AS batch, b.name, b.state, b.reason, s.closed, b.items, c.name AS chain, '0x' || encode(s.signer, 'hex') AS signer, s.nonce,
       a.n AS attempts, a.kind, '0x' || encode(coalesce(v.hash, a.hash), 'hex') AS tx, a.fee, b.at, a.at AS signed, b.mined,
       v.block, v.ok, v.standing, coalesce(v.final, false) AS final, v.price * v.gas_used + coalesce(w.l1_fee, 0) AS cost
  FROM fairlead.batch b
  JOIN fairlead.chain c ON c.id = b.chain
  LEFT JOIN fairlead.slot s ON s.batch = b.id
  LEFT JOIN LATERAL (SELECT * FROM fairlead.attempt a
                      WHERE (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce) ORDER BY a.n DESC LIMIT 1) a ON true
  LEFT JOIN LATERAL (SELECT v.* FROM fairlead.attempt x
                       JOIN fairlead.standing v ON v.hash = x.hash AND v.standing <> 'taken back'
                      WHERE (x.chain, x.signer, x.nonce) = (s.chain, s.signer, s.nonce)
                      ORDER BY v.final DESC, v.at DESC LIMIT 1) v ON true
  LEFT JOIN fairlead.verdict w ON (w.hash, w.block_hash) = (v.hash, v.block_hash);

-- Rights. Again at each install, as grant_engine.
CREATE FUNCTION fairlead.grant_price() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM fairlead.grant_to(ARRAY['listener', 'batcher', 'submitter', 'reconciler', 'gateway'], 'SELECT ON fairlead.price');
	PERFORM fairlead.grant_to(ARRAY['submitter'], 'INSERT, UPDATE ON fairlead.price');
END $$;
SELECT fairlead.grant_price();
