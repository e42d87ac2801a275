"""Every limit that a caller can run into, with its reason. Those of the codebook stand in models.codebook."""

# A transcript is far smaller; parsed JSON takes up to ten times its size in memory.
MAX_BODY_BYTES = 2 * 1024 * 1024
# A person's browser on a slow line still makes it; a client that drips bytes does not keep a place.
REQUEST_SECONDS = 30
# Time from connecting (or from the last answer) to the end of the headers.
HEADER_SECONDS = 10
# Nothing that people write nests deeper; deeper nesting only serves to exhaust a parser.
MAX_JSON_DEPTH = 64
# A page of text. Longer ones are several segments, and are refused rather than cut.
MAX_SEGMENT_CHARACTERS = 10_000
# Keeps one answer below some seconds; corpora belong into a file and `themecoder suggest`.
MAX_SEGMENTS_PER_REQUEST = 1_000
MAX_EXAMPLES_PER_REQUEST = 10_000
MAX_CODES_PER_EXAMPLE = 100
# Ids and labels are for people and tables, not for content.
MAX_LABEL_CHARACTERS = 200
# Ids travel through other programs' signed 64-bit integers.
MAX_INTEGER = 2**63 - 1
# Lists are read in pages.
MAX_PAGE = 200
# Encoding is bound by the processor: more waiting requests only wait longer.
MAX_WAITING_REQUESTS = 64
# Shorter tokens can be guessed.
MIN_TOKEN_CHARACTERS = 32
MAX_TOKEN_CHARACTERS = 1_000
# One line of a jsonl file, one cell of a csv file.
MAX_LINE_BYTES = MAX_BODY_BYTES
MAX_CSV_COLUMNS = 1_000
# A codebook file or a file of examples is read as a whole.
MAX_CODEBOOK_FILE_BYTES = 25 * 1024 * 1024
