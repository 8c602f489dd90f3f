-- Questions about many hosts, for DuckDB: what `memcg-trace export` wrote on each, as records/*.ndjson
-- (of `--changes`, what `export --whole` makes of it), and which kernel each has, as hosts.csv with the
-- columns host and kernel.
--
--     duckdb < questions.sql

CREATE OR REPLACE TEMP VIEW records AS
SELECT * FROM read_json('records/*.ndjson', format = 'newline_delimited', maximum_object_size = 67108864,
    columns = {type: 'VARCHAR', host: 'VARCHAR', boot_id: 'VARCHAR', frame: 'UBIGINT', time: 'TIMESTAMPTZ',
               mono_ns: 'UBIGINT', data: 'JSON'});

CREATE OR REPLACE TEMP VIEW hosts AS
SELECT host, kernel FROM read_csv('hosts.csv', header = true, all_varchar = true);

-- The first and the last snapshot of each host.
CREATE OR REPLACE TEMP TABLE snapshots AS
SELECT host, min(time) AS first_time, max(time) AS last_time,
    arg_max(boot_id, time) AS boot_id, arg_max(frame, time) AS last_frame
FROM records WHERE type = 'frame' GROUP BY host;

CREATE OR REPLACE TEMP VIEW latest AS
SELECT r.* FROM records r JOIN snapshots s
    ON r.host = s.host AND r.boot_id = s.boot_id AND r.frame = s.last_frame;

-- 1. Which workloads make zombies? Numbers and ids in a name are the same workload.
SELECT regexp_replace(data->>'$.path', '[0-9a-f]{8,}|[0-9]+', '*', 'g') AS workload,
    count(*) AS zombies, count(DISTINCT host) AS hosts
FROM latest WHERE type = 'zombie' GROUP BY ALL ORDER BY zombies DESC, workload LIMIT 20;

-- 2. Which kinds of pins keep most, and on how many hosts? Needs records of pins.
WITH answered AS (SELECT * FROM records WHERE type = 'pins'
    QUALIFY row_number() OVER (PARTITION BY host, data->>'$.zombie.serial_nr' ORDER BY time DESC) = 1)
SELECT pin->>'$.kind' AS kind, sum((pin->>'$.refs')::BIGINT) AS refs, count(DISTINCT host) AS hosts
FROM (SELECT host, unnest((data->'$.pins')::JSON[]) AS pin FROM answered)
GROUP BY ALL ORDER BY refs DESC, kind;

-- 3. Which hosts are in a proven deadlock now?
SELECT host, data->>'$.sentence' AS deadlock FROM records WHERE type = 'deadlock'
QUALIFY row_number() OVER (PARTITION BY host, data->>'$.cycle_id' ORDER BY time DESC, frame DESC) = 1
    AND data->>'$.state' = 'confirmed' AND data->>'$.resolved_ns' IS NULL
ORDER BY host, deadlock;

-- 4. On which kernels do zombies become more?
WITH zombies AS (
    SELECT r.host, count(*) FILTER (r.time = s.first_time) AS before,
        count(*) FILTER (r.time = s.last_time) AS now
    FROM records r JOIN snapshots s ON r.host = s.host
    WHERE r.type = 'zombie' AND r.time IN (s.first_time, s.last_time) GROUP BY r.host)
SELECT kernel, count(*) AS hosts, sum(now - before) AS grown, sum(now) AS zombies
FROM zombies JOIN hosts USING (host) GROUP BY ALL ORDER BY grown DESC, kernel;

-- 5. Which units have most slab, by their share of its pages?
SELECT data->>'$.path' AS path, sum((data->>'$.share_bytes')::UBIGINT) AS bytes,
    count(DISTINCT host) AS hosts
FROM latest WHERE type = 'slab' AND data->>'$.share_bytes' IS NOT NULL
GROUP BY ALL ORDER BY bytes DESC, path LIMIT 20;

-- 6. Whose tasks wait for memory, and why?
SELECT data->>'$.path' AS path, data->>'$.cause' AS cause,
    sum((data->>'$.stall_ns_total')::UBIGINT) / 1e9 AS seconds, count(DISTINCT host) AS hosts
FROM latest WHERE type = 'reclaim' GROUP BY ALL HAVING seconds > 0 ORDER BY seconds DESC, path LIMIT 20;

-- 7. How many critical findings begin on each day, and on how many hosts?
SELECT CAST(time AT TIME ZONE 'UTC' AS DATE) AS day, data->>'$.kind' AS kind,
    count(DISTINCT (host, boot_id, data->>'$.finding_id')) AS findings, count(DISTINCT host) AS hosts
FROM records WHERE type = 'finding' AND data->>'$.severity' = 'critical'
GROUP BY ALL ORDER BY day, findings DESC, kind;

-- 8. How much memory do the dead keep? What they take by themselves, and pages on their own lists.
SELECT host, count(*) AS zombies,
    sum(coalesce((data->>'$.own_cost_bytes')::UBIGINT, 0)) AS own_cost_bytes,
    sum(coalesce((data->>'$.lru_pages')::UBIGINT, 0)) * 4096 AS kept_bytes
FROM latest WHERE type = 'zombie' GROUP BY host ORDER BY kept_bytes + own_cost_bytes DESC, host LIMIT 20;

-- 9. Where do ids run out? The kernel has 65,535 for memory cgroups.
SELECT host, count(*) AS memcgs, count(*) / 65535 AS part
FROM latest WHERE type = 'memcg' GROUP BY host ORDER BY memcgs DESC, host LIMIT 20;

-- 10. Which figures are too low, since something could not be counted?
SELECT host, loss->>'$.where' AS place, (loss->>'$.lost_total')::UBIGINT AS lost
FROM (SELECT host, unnest((data->'$.losses')::JSON[]) AS loss FROM latest WHERE type = 'frame')
WHERE lost > 0 ORDER BY lost DESC, host, place LIMIT 20;
