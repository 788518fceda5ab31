-- What the lints look at: the catalogue of our own tables.
CREATE TEMP VIEW tables AS
SELECT name AS "table", replace(replace(sql, char(10), ' '), '            ', '') AS sql
FROM main.sqlite_schema
WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE '\_\_%' ESCAPE '\';

CREATE TEMP VIEW columns AS
SELECT t."table", c.name AS "column", t."table" || '.' || c.name AS path, c.type, t.sql,
    c."notnull" AS required, c.dflt_value AS "default", c.pk
FROM tables AS t JOIN pragma_table_info(t."table") AS c;

CREATE TEMP VIEW keys AS
SELECT t."table", k."from" AS "column", t."table" || '.' || k."from" AS path, k.on_delete
FROM tables AS t JOIN pragma_foreign_key_list(t."table") AS k;

-- The row's id ends every index anyhow, so that it adds nothing at the end of one.
CREATE TEMP VIEW indexes AS
SELECT *, rtrim(replace(columns || ';', ',id;', ''), ';') AS prefix FROM (
    SELECT t."table", i.name, i."unique",
        (SELECT group_concat(coalesce(x.name, '<expression>'), ',' ORDER BY x.seqno)
         FROM pragma_index_info(i.name) AS x) AS columns,
        CASE WHEN i.partial THEN substr(s.sql, instr(s.sql, ' WHERE ') + 7) ELSE '' END AS predicate
    FROM tables AS t JOIN pragma_index_list(t."table") AS i
    LEFT JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = i.name);
