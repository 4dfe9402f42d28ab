-- :n rows through joins by parallel workers, PL/pgSQL with exceptions, JSON, arrays, full text, large objects.
\set ON_ERROR_STOP on
\pset footer off
SET client_min_messages = warning;

CREATE TABLE person(id int PRIMARY KEY, name text, city int, born date, doc jsonb, tags text[]);
INSERT INTO person
    SELECT i, md5(i::text), i * 31 % 500, date '1900-01-01' + i * 17 % 40000,
           jsonb_build_object('id', i, 'list', jsonb_build_array(i, i + 1, md5((i * 7)::text)), 'deep', jsonb_build_object('x', i % 10)),
           ARRAY[left(md5(i::text), 2), 'tag' || i % 100]
    FROM generate_series(1, :n) i;
CREATE INDEX ON person(city, born);
CREATE INDEX ON person USING gin(tags);
CREATE INDEX ON person USING gin(to_tsvector('simple', name || ' ' || city));
CREATE TABLE visit AS SELECT p.id AS person, (p.id * 13 + k) % 500 AS city, repeat(p.name, k) AS note FROM person p, generate_series(1, 3) k;
ANALYZE;

SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0;
SELECT count(*), sum(length(v.note)), max(p.name) FROM person p JOIN visit v ON v.person = p.id WHERE p.city <> v.city;
SELECT city, count(*), md5(string_agg(name, ',' ORDER BY id)) FROM person GROUP BY city ORDER BY 2 DESC, 1 LIMIT 5;
SELECT md5(string_agg(r::text, ';' ORDER BY id)) FROM (SELECT id, rank() OVER w r, lag(name) OVER w FROM person WINDOW w AS (PARTITION BY city ORDER BY born, id)) t;
SET work_mem = '64kB';
SELECT md5(string_agg(note, '' ORDER BY note, person)) FROM visit;
RESET work_mem; SET jit = off;

SELECT sum((doc #>> '{deep,x}')::int), count(*) FILTER (WHERE doc @> '{"deep": {"x": 3}}'), md5(jsonb_agg(doc ORDER BY id)::text) FROM person;
SELECT count(*) FROM person WHERE tags && ARRAY['ab', 'tag7'];
SELECT count(*) FROM person WHERE to_tsvector('simple', name || ' ' || city) @@ to_tsquery('simple', 'a:* & !111');
SELECT sum(length(regexp_replace(name, '([a-f]+)(\d)', '\2<\1>', 'g'))) FROM person;
WITH RECURSIVE f(a, b, n) AS (SELECT 0::numeric, 1::numeric, 1 UNION ALL SELECT b, a + b, n + 1 FROM f WHERE n < 1000) SELECT md5(max(b)::text) FROM f;
SELECT md5(query_to_xml('SELECT id, name FROM person ORDER BY id LIMIT 300', true, false, '')::text);

CREATE FUNCTION careful(n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE caught int := 0; kept text[] := '{}';
BEGIN
    FOR i IN 1..n LOOP
        BEGIN
            kept := kept || (100 / (i % 4))::text;
            INSERT INTO person(id) VALUES (i);
        EXCEPTION
            WHEN division_by_zero THEN caught := caught + 1;
            WHEN unique_violation THEN caught := caught + 1000;
        END;
    END LOOP;
    RETURN caught || ' ' || coalesce(array_length(kept, 1), 0);
END $$;
SELECT careful(1500);
DO $$ BEGIN FOR i IN 1..200 LOOP EXECUTE format('CREATE TEMP TABLE t%s(a int, b text DEFAULT %L)', i, i); END LOOP; END $$;

SELECT lo_from_bytea(4711, convert_to(repeat('large object ', 50000), 'UTF8'));
SELECT md5(lo_get(4711));
DELETE FROM visit WHERE person % 3 = 0;
UPDATE person SET name = upper(name), tags = tags || ARRAY['changed'] WHERE id % 4 = 1;
