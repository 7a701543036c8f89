-- `healthy: 100` means fewer than 100 blocks behind.
CREATE OR REPLACE VIEW fairlead.chains AS
SELECT c.id, c.name, c.network, c.head, c.done, c.head - c.done AS behind,
       c.halted IS NULL AND l.until > clock_timestamp() AND c.rpc_ok AND coalesce(c.head - c.done < c.healthy, false) AS healthy,
       c.final, c.floor,
       c.listening AND l.until > clock_timestamp() AS listening,
       c.catching_up, c.sweeping,
       c.rpc_ok AND l.until > clock_timestamp() AS rpc_ok,
       c.reconnects, c.subscription, l.at AS seq, a.at AS applied, l.at - a.at + h.lag AS lag, c.halted,
       h.blocks_left AS history_left            -- blocks of what was asked for later
  FROM fairlead.chain c
  JOIN fairlead.lane l ON l.name = 'listen:' || c.name
  JOIN fairlead.lane a ON a.name = 'apply:' || c.name
 CROSS JOIN LATERAL (SELECT coalesce(sum(x.lag), 0)::bigint AS lag, coalesce(sum(x.blocks_left), 0)::bigint AS blocks_left
                       FROM fairlead.histories x WHERE x.chain_id = c.id) h
 WHERE c.retired IS NULL;
