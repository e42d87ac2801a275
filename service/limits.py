"""Every limit that a caller can run into, with its reason. Those of the codebook stand in models.codebook."""

# A transcript is far smaller; parsed JSON takes up to ten times its size in memory.
MAX_BODY_BYTES = 2 * 1024 * 1024
# A person's browser on a slow line still makes it; a client that drips bytes does not keep a place.
REQUEST_SECONDS = 30
# Time from connecting, or from the first byte of a further request, to the end of the headers.
HEADER_SECONDS = 10
# The address and all headers together; the longest token and every browser's headers fit many times.
MAX_HEADER_BYTES = 16 * 1024
# Time for the client to take its answer: the largest one on a slow line.
ANSWER_SECONDS = 120
# How long what is still coming of a body too large is read and thrown away, so that the client sees why.
LINGER_SECONDS = 2
# Nothing that people write nests deeper; deeper nesting only serves to exhaust a parser.
MAX_JSON_DEPTH = 64
# As many as a csv file may have columns. Each unknown field of a request costs an error message to make.
MAX_FIELDS_PER_OBJECT = 1_000
# A page of text. Longer ones are several segments, and are refused rather than cut.
MAX_SEGMENT_CHARACTERS = 10_000
# Keeps one answer below some seconds; corpora belong into a file and `themecoder suggest`.
MAX_SEGMENTS_PER_REQUEST = 1_000
MAX_EXAMPLES_PER_REQUEST = 10_000
MAX_CODES_PER_EXAMPLE = 100
# Segments times leaves: every leaf of a usual codebook for a full request, not of a huge one.
MAX_SUGGESTIONS_PER_REQUEST = 50_000
# The evidence of an answer repeats definitions and examples, so that an answer can outgrow its request a thousandfold.
MAX_EVIDENCE_CHARACTERS = 16 * 1024 * 1024
# A day of talk; more is a corpus under one name.
MAX_SEGMENTS_PER_TRANSCRIPT = 20_000
# A survey's answers come as one transcript for each person; what holds more is no study that people code by hand.
MAX_TRANSCRIPTS_PER_FILE = 1_000
# Ids and labels are for people and tables, not for content.
MAX_LABEL_CHARACTERS = 200
# Ids travel through other programs' signed 64-bit integers.
MAX_INTEGER = 2**63 - 1
# Lists are read in pages.
MAX_PAGE = 200
# Encoding is bound by the processor: more waiting requests only wait longer.
MAX_WAITING_REQUESTS = 64
# Threads beside those of the waiting requests, so that everything else is answered meanwhile.
SPARE_THREADS = 16
# Pages of lists that are put together at once; they mostly wait for the interpreter.
READING_THREADS = 4
# Shorter tokens can be guessed.
MIN_TOKEN_CHARACTERS = 32
MAX_TOKEN_CHARACTERS = 1_000
# One line of a jsonl file, one cell of a csv file.
MAX_LINE_BYTES = MAX_BODY_BYTES
MAX_CSV_COLUMNS = 1_000
# A codebook file or a file of examples is read as a whole.
MAX_CODEBOOK_FILE_BYTES = 25 * 1024 * 1024
# Paragraph numbers fit into every database's plain integer.
MAX_PARAGRAPH = 2**31 - 1
# What one request suggests for in some seconds; whole corpora take `themecoder suggest`.
MAX_SEGMENTS_SUGGESTED_AT_ONCE = 2_000
# All of one page of work, several times over; one transaction, for which others wait.
MAX_DECISIONS_PER_REQUEST = 1_000
# Nobody starts runs by hand more often; a program that does is told to wait.
MAX_RUN_STARTS = 30
RUN_STARTS_SECONDS = 60
# Each open stream of events looks into the database twice a second.
MAX_WATCHED_RUNS = 64
# Models fitted to projects that one process holds at a time, some 100 MB each beside the configured ones.
MAX_FITTED_MODELS = 4
