"""Pure: the subject index of the standard library: what its modules are for, in the words of those who look for it.

Docstrings say what a thing does, seldom what one would want it for; a library's catalogue adds the latter. These lines
are searched together with a module's own text and are never quoted from.
"""

from __future__ import annotations

from companion_async.cognition.corpus.language import LANGUAGE
from companion_async.cognition.corpus.members import MEMBERS

_TABLE = """
abc: abstract base class, interface, methods that subclasses must implement
argparse: command line arguments and options of a script, flags, positional arguments, help message, subcommands
array: compact array of numbers of one type, memory efficient
ast: abstract syntax tree, parse and analyse Python source code, evaluate a literal safely
asyncio: asynchronous programming, coroutines, async and await, event loop, tasks, concurrent input and output
atexit: run a function when the program ends, exit handler, cleanup at exit
base64: encode binary data as printable text, base64, base32
bdb: debugger framework, breakpoints
binascii: convert between binary data and text, hexadecimal
bisect: keep a list sorted, binary search, insert at the right place
builtins: built-in functions and types, always available without import
builtins.str: text, string methods
builtins.bytes: binary data
builtins.list: list, sequence that can be changed
builtins.dict: dictionary, mapping of keys to values
builtins.set: set, unique items without duplicates
builtins.open: open a file for reading or writing
builtins.print: show text on the screen, standard output
builtins.input: ask the user, read from the keyboard
bz2: compressed files, bzip2 compression
calendar: calendar of a month or year, weekdays, leap year
cmath: complex numbers, mathematical functions
cmd: interactive command prompt, command interpreter, shell of one's own
code: interactive interpreter, read eval print loop inside a program
codecs: text encodings, encode and decode, unicode
codeop: compile interactive code that may be incomplete
collections: containers, count items, named tuple, double ended queue, ordered dictionary, default values
colorsys: convert colors, RGB, HSV
compileall: compile all source files to bytecode ahead
concurrent.futures: run functions in a pool of threads or processes, futures, parallel work
configparser: configuration file, settings, INI file
contextlib: context managers, with statement, clean up, suppress exceptions, redirect output
contextvars: variables local to a task or context
copy: copy an object, shallow and deep copy
copyreg: register how objects are pickled and copied
cProfile: profile a program, find the slow functions
csv: tables, spreadsheet, comma separated values
ctypes: call functions of C libraries, shared libraries, DLL, C data types
curses: draw text on the terminal screen, text user interface
dataclasses: class for data, record, fields, generated init
datetime: date and time, days between dates, add days, time zone, format and parse dates
dbm: simple key value database in a file
decimal: exact decimal numbers, money, rounding, precision
difflib: compare texts, differences, similarity of strings, close matches, spelling suggestions
dis: bytecode of a function, disassembler
doctest: test examples in docstrings
email: email messages, headers, attachments, MIME, subject, recipients
ensurepip: install pip
enum: enumeration, named constants, choices
errno: error numbers of the operating system
faulthandler: traceback on crash, segmentation fault, hang, deadlock, timeout
fcntl: lock files, file control on Unix
filecmp: compare files and directories
fileinput: read lines of several files given on the command line, edit in place
fnmatch: match file names with wildcards, shell patterns
fractions: rational numbers, fractions
ftplib: FTP, transfer files to and from a server
functools: cache results, partial functions, reduce, decorators, comparison functions
gc: garbage collector, reference cycles, memory leaks
getopt: parse command line options in the style of C
getpass: ask for a password, name of the current user
gettext: translate messages, languages, internationalization
glob: find files by a pattern, wildcards
graphlib: order tasks by dependencies, topological sort, graph
grp: groups of users on Unix
gzip: read and write gz files, compression
hashlib: hash, checksum, fingerprint of data, md5, sha256, password hashing
heapq: priority queue, smallest and largest items, heap
hmac: authenticate a message with a secret key, signature
html: escape and unescape HTML, entities
html.parser: parse HTML pages, tags, links
http.client: HTTP requests, low level client
http.cookiejar: cookies for HTTP clients
http.cookies: cookies, HTTP header
http.server: web server, serve files over HTTP
http: web, status codes
imaplib: read mail from a server, IMAP, inbox
importlib: import a module by name, reload a module, resources and metadata of packages, installed version
inspect: look at live objects, source code, signature, members, where something is defined, call stack
io: streams, files in memory, text as a file, buffered reading and writing
ipaddress: IP addresses and networks, subnet
itertools: iterators, combinations, permutations, product, group, chain, slices, endless counting
json: JSON, read and write data, web data format
keyword: reserved words of the language
linecache: get a certain line of a file
locale: formats and language of a country, numbers, dates, currency
logging: log messages, levels, handlers, log file
logging.handlers: rotate log files, send log messages over the network or by mail
logging.config: configure logging
lzma: xz files, compression
mailbox: mail folders on disk, mbox, maildir
marshal: internal serialization of Python objects
math: mathematical functions, square root, logarithm, trigonometry, factorial, greatest common divisor, rounding up
    and down, pi
mimetypes: type of a file from its name, content type, MIME
mmap: map a file into memory
modulefinder: find the modules a script uses
multiprocessing: several processes, use all processor cores, pool of workers, shared memory, pass data between
    processes
netrc: read the netrc file of logins
numbers: abstract number types
operator: operators as functions, fetch an item or attribute, sort key
optparse: command line options of a script, older parser
os: operating system, files and directories, environment variables, processes, permissions, current directory
os.path: file names and paths, join, split, extension, exists, size, home directory, absolute path
pathlib: paths as objects, files and directories, read and write text, join, suffix, create folders
pdb: debugger, breakpoint, step through a program, inspect variables
pickle: save and load Python objects, serialization, object persistence
pickletools: look into pickles
pkgutil: find modules and submodules of a package, data files of a package
platform: operating system, version, processor and machine, Python version
plistlib: property list files of Apple, macOS
poplib: read mail from a server, POP3
pprint: print nested data nicely
profile: profile a program in pure Python
pstats: statistics of the profiler, sort and print
pty: pseudo terminal, run a program as if in a terminal
pwd: user accounts on Unix, user name and home directory
py_compile: compile a source file to bytecode
pyclbr: classes and functions in a source file without importing it
pydoc: documentation, help
queue: pass items between threads, waiting line, producer and consumer, thread safe
quopri: quoted printable encoding of mail
random: random numbers, choose at random, shuffle, dice, sample, seed
re: regular expressions, search and replace text, match patterns, extract from text
readline: line editing and history
reprlib: short representation of large objects
resource: limits and use of processor time and memory on Unix
rlcompleter: completion with the tab key
runpy: run a module or file as a script
sched: run functions at a later time, scheduler
secrets: secure random numbers, tokens, passwords
select: wait for input on several sockets
selectors: wait for input on several sockets, multiplexing
shelve: dictionary kept in a file, store objects by key
shlex: split a command line into words, quote shell arguments
shutil: copy, move and delete files and whole directory trees, archives, disk usage, find programs
signal: signals of the operating system, Ctrl-C, interrupt, alarm, terminate
site: where packages are installed, site-packages, start-up of the interpreter
smtplib: send mail, SMTP server
socket: network connections, TCP and UDP, client and server, host name, address, port
socketserver: network servers, handle each connection
sqlite3: database, SQL, tables, queries, SQLite
ssl: encrypted connections, TLS, certificates, HTTPS
stat: interpret mode bits and permissions of files
statistics: mean, median, mode, standard deviation, correlation
string: constants of letters and digits, templates, formatting
stringprep: preparation of internet strings
struct: binary data, pack and unpack numbers as C does, byte order
subprocess: run external programs and shell commands, output and exit code, pipes, timeout
symtable: symbol table of the compiler, scope of variables, local and global
sys: interpreter, arguments of the script, exit, module search path, standard input and output, recursion limit,
    version, size of an object
sysconfig: configuration and installation paths of Python
syslog: system log on Unix
tabnanny: indentation, tabs mixed with spaces
tarfile: tar archives, tar.gz, extract and create
tempfile: temporary files and directories
termios: terminal settings on Unix
textwrap: wrap, fill, shorten and indent text, remove indentation
threading: threads, locks, run in the background, wait for a thread, timer, events
time: current time, sleep, measure elapsed and processor time, format time
timeit: measure the time of small pieces of code, benchmark
tkinter: windows, buttons, graphical user interface
tkinter.filedialog: ask the user for a file
tkinter.messagebox: show a message box
token: constants of the tokenizer
tokenize: split source code into tokens
tomllib: TOML files
trace: trace which lines are executed, coverage
traceback: print and format exceptions, stack trace
tracemalloc: memory use, which lines allocate memory, compare snapshots, leaks
tty: raw terminal mode, single key presses
turtle: drawing for beginners, turtle graphics
types: types of the interpreter, create classes and modules dynamically
typing: type hints, annotations, optional, generic, protocol
unicodedata: names and properties of Unicode characters, normalization
unittest: test cases, assertions, unit tests, set up, skip
unittest.mock: fake objects in tests, patch, mock
urllib.error: errors of opening URLs
urllib.parse: split and join URLs, query string, encode parameters
urllib.request: open URLs, download web pages, HTTP requests
urllib.robotparser: robots.txt
uuid: unique identifiers
venv: virtual environments
warnings: warn users, deprecation, turn warnings off
wave: WAV sound files
weakref: references that do not keep objects alive, called when an object dies
webbrowser: open a page in the browser
winreg: Windows registry
winsound: play sounds on Windows
wsgiref: web server and applications, WSGI
xml.dom: XML documents as a tree of nodes
xml.etree: read and write XML documents, elements
xml.sax: parse XML step by step without loading all of it
xmlrpc: call functions on another computer over HTTP, remote procedure call
zipapp: executable archive of a Python program
zipfile: zip archives, read, extract, create, compress several files
zipimport: import modules from zip archives
zlib: compress and decompress bytes, crc32
zoneinfo: time zones, convert between time zones
"""

_LINES = "".join((_TABLE, LANGUAGE, MEMBERS)).replace("\n    ", " ").splitlines()
SUBJECTS = dict(line.split(": ", 1) for line in _LINES if line)
"""Module, or a name in one, or a topic of the language, to what it is for."""


def subjects(name: str) -> str:
    """What the nearest thing at or above the dotted ``name`` that is in the index is for; empty if none is."""
    while name:
        if name in SUBJECTS:
            return SUBJECTS[name]
        name = name.rpartition(".")[0]
    return ""
