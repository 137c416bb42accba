"""Pure: what the index asks its database."""

from __future__ import annotations

from companion_async.cognition.search_engine.ranking import FIELD_WEIGHTS, FIELDS

_EXCERPT_WORDS = 40
_CANDIDATES = 200
OF_GROUP = "SELECT id FROM document WHERE cluster = ?"
CANDIDATE = f"""
SELECT passage.rowid, {", ".join(FIELDS)}, cluster, depth, title
FROM passage JOIN part ON part.passage = passage.rowid JOIN document ON document.number = part.document
WHERE passage.rowid IN (
  SELECT * FROM (
    SELECT rowid FROM passage WHERE passage MATCH ?1 AND (
      ?2 IS NULL AND ?3 IS NULL OR EXISTS (
        SELECT 1 FROM part JOIN document ON document.number = part.document WHERE part.passage = passage.rowid
        AND ifnull(kind = ?2, 1) AND ifnull(substr(location, 1, length(?3)) = ?3, 1)))
    ORDER BY bm25(passage, {", ".join(map(str, FIELD_WEIGHTS))}) LIMIT {_CANDIDATES})
  UNION SELECT value FROM json_each(?4))
"""
PASSAGE = """
SELECT id, title, location, kind, cluster, body
FROM part JOIN document ON document.number = part.document JOIN passage ON passage.rowid = part.passage
WHERE part.passage = ?
"""
RENOWN = "SELECT target, count(DISTINCT cluster) FROM mention JOIN document ON number = document GROUP BY target"
SIZES = "SELECT sizes(passage) FROM passage WHERE passage MATCH ? LIMIT 1"
KNOWN = "SELECT doc FROM temp.vocabulary WHERE term = ?"
HAVING = "SELECT rowid FROM passage WHERE passage MATCH ?"
NUMBERS = "SELECT passage FROM part WHERE passage <= ? ORDER BY passage"
GROUPS = "SELECT passage, cluster FROM part JOIN document ON document.number = part.document"
SNIPPET = f"""
SELECT snippet(passage, {FIELDS.index("body")}, '', '', ' ... ', {_EXCERPT_WORDS})
FROM passage WHERE passage MATCH ? AND rowid = ?
"""
TEXTS = f"SELECT rowid, concat_ws(char(10), {', '.join(FIELDS)}) FROM passage WHERE rowid > ? ORDER BY rowid"
