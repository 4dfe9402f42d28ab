-- :n rows through everything SQLite has: indices, joins, windows, JSON, full text, triggers, WAL, vacuum.
.bail on
PRAGMA journal_mode = WAL;
PRAGMA cache_size = 500;

CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, city INT, born INT, photo BLOB);
CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE visit(person INT REFERENCES person, city INT REFERENCES city, day INT, note TEXT);
CREATE TABLE audit(what TEXT, id INT, was TEXT);
CREATE VIRTUAL TABLE notes USING fts5(note, content='visit');
CREATE TRIGGER person_gone AFTER DELETE ON person BEGIN
    INSERT INTO audit VALUES('gone', old.id, old.name);
    DELETE FROM visit WHERE person = old.id;
END;

WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k LIMIT 500)
INSERT INTO city SELECT i, printf('city-%04x', i * 40503 % 65536) FROM k;

BEGIN;
WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k LIMIT :n)
INSERT INTO person
    SELECT i, printf('%c%s', 65 + i * 7 % 26, hex(i * 2654435761 % 4294967296)), 1 + i * 31 % 500, 1900 + i * 17 % 120,
           CASE WHEN i % 50 = 0 THEN zeroblob(i % 9000) END
    FROM k;
INSERT INTO visit
    SELECT id, 1 + (id * 13 + born) % 500, id * 3 % 3650, name || ' saw ' || hex(city * 77) || ' in ' || born FROM person
    UNION ALL
    SELECT id, city, born, 'home of ' || name FROM person WHERE id % 3 = 0;
COMMIT;

CREATE INDEX person_city ON person(city, born);
CREATE INDEX person_name ON person(name COLLATE NOCASE);
CREATE INDEX visit_day ON visit(day) WHERE day > 1000;
INSERT INTO notes(notes) VALUES('rebuild');
ANALYZE;

SELECT 'join', count(*), sum(v.day), max(c.name) FROM person p JOIN visit v ON v.person = p.id JOIN city c ON c.id = v.city
    WHERE c.name > 'city-8' AND p.born BETWEEN 1930 AND 1980;
SELECT 'group', c.name, count(*), avg(born), group_concat(p.id % 10, '') FROM person p JOIN city c ON c.id = p.city
    GROUP BY c.id HAVING count(*) > 1 ORDER BY 3 DESC, 2 LIMIT 5;
SELECT 'window', id, running, place FROM (
    SELECT id, sum(born) OVER (PARTITION BY city ORDER BY id) AS running, rank() OVER (ORDER BY name) AS place FROM person)
    WHERE place % (:n / 5) = 1;
SELECT 'json', sum(json_extract(doc, '$.tags[1]')), sum(length(doc)) FROM (
    SELECT json_object('name', name, 'tags', json_array(id, born, city), 'photo', hex(photo)) AS doc FROM person);
SELECT 'each', count(*), sum(value) FROM (SELECT json_group_array(id) AS ids FROM person), json_each(ids);
SELECT 'text', count(*) FROM notes WHERE notes MATCH 'home OR "saw 4D"';
SELECT 'snippet', snippet(notes, 0, '<', '>', '..', 4) FROM notes WHERE notes MATCH 'home' ORDER BY rowid LIMIT 3;
SELECT 'distinct', count(DISTINCT substr(note, 1, 12)) FROM visit;

SAVEPOINT regret;
UPDATE person SET name = upper(name) || '!', photo = NULL;
SELECT 'inside', count(*) FROM person WHERE name LIKE '%!';
ROLLBACK TO regret;
RELEASE regret;
SELECT 'after rollback', count(*) FROM person WHERE name LIKE '%!';

DELETE FROM person WHERE id % 7 = 0;
UPDATE visit SET note = replace(note, 'saw', 'visited') WHERE day % 2;
INSERT INTO notes(notes) VALUES('rebuild');
SELECT 'audit', count(*), sum(id), min(was) FROM audit;
VACUUM;
REINDEX;
SELECT 'integrity', integrity_check FROM pragma_integrity_check;
SELECT 'fts', count(*) FROM notes WHERE notes MATCH 'visited';
.sha3sum
