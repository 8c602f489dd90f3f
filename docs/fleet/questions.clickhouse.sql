-- The questions of questions.sql, for ClickHouse: what `memcg-trace export` wrote on each host, as
-- records/*.ndjson, and which kernel each has, as hosts.csv with the columns host and kernel.
--
--     clickhouse local --multiquery < questions.clickhouse.sql
--
-- A server has a table instead of the first view:
--
--     CREATE TABLE records (type LowCardinality(String), host LowCardinality(String), boot_id String,
--         frame UInt64, time DateTime64(9, 'UTC'), mono_ns UInt64, data String CODEC(ZSTD))
--     ENGINE = MergeTree PARTITION BY toDate(time) ORDER BY (type, host, time);

SET date_time_input_format = 'best_effort', input_format_json_read_objects_as_strings = 1;

CREATE OR REPLACE VIEW records AS
SELECT * FROM file('records/*.ndjson', 'JSONEachRow', 'type String, host String, boot_id String,
    frame UInt64, time DateTime64(9, \'UTC\'), mono_ns UInt64, data String');

CREATE OR REPLACE VIEW hosts AS
SELECT host, kernel FROM file('hosts.csv', 'CSVWithNames', 'host String, kernel String');

-- The first and the last snapshot of each host.
CREATE OR REPLACE TABLE snapshots ENGINE = Memory AS
SELECT host, min(time) AS first_time, max(time) AS last_time,
    argMax(boot_id, time) AS boot_id, argMax(frame, time) AS last_frame
FROM records WHERE type = 'frame' GROUP BY host;

CREATE OR REPLACE VIEW latest AS
SELECT r.type AS type, r.host AS host, r.data AS data FROM records AS r JOIN snapshots AS s
    ON r.host = s.host AND r.boot_id = s.boot_id AND r.frame = s.last_frame;

-- 1. Which workloads make zombies? Numbers and ids in a name are the same workload.
SELECT replaceRegexpAll(JSONExtractString(data, 'path'), '[0-9a-f]{8,}|[0-9]+', '*') AS workload,
    count() AS zombies, uniqExact(host) AS hosts
FROM latest WHERE type = 'zombie' GROUP BY workload ORDER BY zombies DESC, workload LIMIT 20;

-- 2. Which kinds of pins keep most, and on how many hosts? Needs records of pins.
SELECT JSONExtractString(pin, 'kind') AS kind, sum(JSONExtractInt(pin, 'refs')) AS refs,
    uniqExact(host) AS hosts
FROM (SELECT host, arrayJoin(JSONExtractArrayRaw(data, 'pins')) AS pin FROM
    (SELECT host, data FROM records WHERE type = 'pins'
     ORDER BY time DESC LIMIT 1 BY host, JSONExtractRaw(data, 'zombie', 'serial_nr')))
GROUP BY kind ORDER BY refs DESC, kind;

-- 3. Which hosts are in a proven deadlock now?
SELECT host, JSONExtractString(data, 'sentence') AS deadlock FROM
    (SELECT host, data FROM records WHERE type = 'deadlock'
     ORDER BY time DESC, frame DESC LIMIT 1 BY host, JSONExtractRaw(data, 'cycle_id'))
WHERE JSONExtractString(data, 'state') = 'confirmed' AND JSONExtractRaw(data, 'resolved_ns') = 'null'
ORDER BY host, deadlock;

-- 4. On which kernels do zombies become more?
SELECT h.kernel AS kernel, count() AS hosts, sum(z.now) - sum(z.before) AS grown, sum(z.now) AS zombies
FROM (SELECT r.host AS host, countIf(r.time = s.first_time) AS before, countIf(r.time = s.last_time) AS now
    FROM records AS r JOIN snapshots AS s ON r.host = s.host
    WHERE r.type = 'zombie' AND (r.time = s.first_time OR r.time = s.last_time) GROUP BY r.host) AS z
JOIN hosts AS h ON z.host = h.host GROUP BY kernel ORDER BY grown DESC, kernel;

-- 5. Which units have most slab, by their share of its pages?
SELECT JSONExtractString(data, 'path') AS path, sum(JSONExtractUInt(data, 'share_bytes')) AS bytes,
    uniqExact(host) AS hosts
FROM latest WHERE type = 'slab' AND JSONExtractRaw(data, 'share_bytes') != 'null'
GROUP BY path ORDER BY bytes DESC, path LIMIT 20;

-- 6. Whose tasks wait for memory, and why?
SELECT JSONExtractString(data, 'path') AS path, JSONExtractString(data, 'cause') AS cause,
    sum(JSONExtractUInt(data, 'stall_ns_total')) / 1e9 AS seconds, uniqExact(host) AS hosts
FROM latest WHERE type = 'reclaim' GROUP BY path, cause HAVING seconds > 0
ORDER BY seconds DESC, path LIMIT 20;

-- 7. How many critical findings begin on each day, and on how many hosts?
SELECT toDate(time) AS day, JSONExtractString(data, 'kind') AS kind,
    uniqExact(host, boot_id, JSONExtractRaw(data, 'finding_id')) AS findings, uniqExact(host) AS hosts
FROM records WHERE type = 'finding' AND JSONExtractString(data, 'severity') = 'critical'
GROUP BY day, kind ORDER BY day, findings DESC, kind;

-- 8. How much memory do the dead keep? What they take by themselves, and pages on their own lists.
SELECT host, count() AS zombies, sum(JSONExtractUInt(data, 'own_cost_bytes')) AS own_cost_bytes,
    sum(JSONExtractUInt(data, 'lru_pages')) * 4096 AS kept_bytes
FROM latest WHERE type = 'zombie' GROUP BY host ORDER BY kept_bytes + own_cost_bytes DESC, host LIMIT 20;

-- 9. Where do ids run out? The kernel has 65,535 for memory cgroups.
SELECT host, count() AS memcgs, count() / 65535 AS part
FROM latest WHERE type = 'memcg' GROUP BY host ORDER BY memcgs DESC, host LIMIT 20;

-- 10. Which figures are too low, since something could not be counted?
SELECT host, JSONExtractString(loss, 'where') AS place, JSONExtractUInt(loss, 'lost_total') AS lost
FROM (SELECT host, arrayJoin(JSONExtractArrayRaw(data, 'losses')) AS loss FROM latest WHERE type = 'frame')
WHERE lost > 0 ORDER BY lost DESC, host, place LIMIT 20;
