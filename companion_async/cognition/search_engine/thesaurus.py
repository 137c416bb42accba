"""Pure: the words that programmers' documentation uses for what people ask in other words.

Left the words of a question (several words are a phrase), right what reference texts call the same or look it up
under. It is the vocabulary of computing at large, written down area by area; no entry names one right answer for one
question.
"""

from __future__ import annotations

_TABLE = """
# files and folders
free space, space left: disk usage, free
last changed, last modified: mtime, modification, stat
home folder: expanduser, home
whole file, whole text file, entire file: read, read_text, contents
open a file: open, file
create a file, make a file, create a folder, make a folder, create a directory: mkdir, makedirs, create, touch
executable: chmod, mode, executable, permission
file permissions, file mode: chmod, mode
folder, folders, directory: directory, dir, folder
delete, erase, get rid of: remove, delete, unlink
remove: delete, unlink, discard, pop
everything in it, with its contents, whole folder, recursively, all subfolders: tree, recursive, recursively
copy, duplicate, clone: copy, duplicate
rename: rename, move, replace
move: move, rename
file name, filename, file names: filename, basename, pathname
path: path, pathname
exist, exists, existing: exists, exist
wildcard, matching files, match files, find files, file pattern: glob, fnmatch, wildcard, pattern
walk, traverse: walk, tree, recursive
file size, modification time, permissions, file rights: stat, chmod, mode
disk space, free space: disk usage
temporary: temporary, temp, tempfile
binary: binary, bytes
line by line: readline, lines
extension, suffix: suffix, extension, splitext
home folder, home directory: home, expanduser
current folder, working directory: getcwd, cwd, current directory
link, shortcut: symlink, link
# reading, writing, keeping
load, restore: load, read, deserialize
save, store, keep, persist, to disk: save, dump, write, serialize, persistent, store
save an object, save object, store an object, store objects, python object, save objects: pickle, serialize,
    persistent, dump
serialize, serialise: serialize, pickle, dump, marshal
parse, decode: parse, parser, decode, load
encode: encode, encoding
settings, configuration, preferences, ini, ini file, config file: configuration, config, configparser, settings,
    option
print nicely, pretty, nicely, readable: pretty, pprint, format
spreadsheet, comma separated: csv
excel: csv, excel
yaml, json: json
picture, photo, image: image
sound, audio, music: wave, sound, audio
# text
strip the newline, strip newlines, trailing newline: rstrip, strip, trailing
turn into, convert, change into, transform: convert, conversion
string into a number, text into a number, string to a number, string to number, string to int: int, float, convert,
    integer
print: print, write, stdout
starts with, begins with, beginning with: startswith, prefix
ends with: endswith, suffix
contain, contains, part of: contains, find, in, substring
newline, line break: newline, line, end
pad, zeros, leading zeros, align: zfill, pad, justify, fill, width
sentence, words of a sentence, list of words: split, words
commas, comma: separator, join
bytes: bytes, byte
string, text: string, str, text
strings: string, str
letter, letters, character, characters: character, char, letter
uppercase, upper case, capital letters, capitals: uppercase, upper
lowercase, lower case, small letters: lowercase, lower
replace, substitute, exchange: replace, substitute, sub
find, search, look for, look up, locate: find, search, lookup, locate
similar, similarity, resemble, fuzzy, almost equal: similarity, ratio, compare, sequences
difference, differences, differ, compare, compared: compare, difference, diff, delta
split, cut, separate, divide into parts: split, parse
parts, pieces, components: components, parts
join, concatenate, combine, glue: join, concatenate
combinations, permutations: combinations, permutations, product
wrap, line width, line length: wrap, fill, width
indentation, indent, unindent: indent, dedent
regular expression, regular expressions, regexp, regex: regular, expression, re, pattern
pattern: pattern, re
white space, whitespace, blanks, spaces: whitespace, strip
trim: strip
placeholder, placeholders, template: template, substitute, format
format, formatting: format, formatter
translate, translation, languages, multilingual, internationalization, internationalisation: gettext, translation,
    translations, catalog, internationalization, locale
language: language, locale
accent, accents, umlaut, emoji: unicode, normalize
escape, special characters: escape, quote, special
word, words: word
command line words, shell words: shlex
# numbers
bit number, bit integer, binary number: struct, unpack, integer
integer, whole number: int, integer
digits: digit, digits, precision
greatest common divisor, gcd: gcd, greatest, divisor
pi: pi, constant
degrees, radians: degrees, radians
absolute: absolute, abs
same random numbers, reproducible: seed, random
number, numbers, numeric: number, numeric
average, mean: mean, average
round up: ceil, ceiling
round down: floor
round: round, rounding, quantize
square root, root: sqrt, square, root
power: power, pow, exponent
logarithm: log, logarithm
sine, cosine, tangent, trigonometry, angle: sin, cos, tan, radians
maximum, largest, biggest, highest: max, maximum, largest
minimum, smallest, lowest, least: min, minimum, smallest
add up, total, sum: sum, total, add
money, currency, price, prices: decimal, currency
exact, exactly, precise, precision: exact, decimal, precision
fraction, fractions: fraction, rational
random, chance, at random, dice: random, choice
shuffle, mix: shuffle
pick, choose, draw: choose, choice, select, sample
hexadecimal, hex: hex, hexadecimal
statistics, standard deviation, variance: statistics, stdev, variance
# time
right now, at the moment: current, now
date as text, format a date, date as a string, time as text: strftime, format, date
text to a date, string into a date, parse a date, read a date: strptime, fromisoformat, parse, date
timestamp, unix time, epoch: timestamp, epoch, time
day of the week: weekday, isoweekday
add days, in three days, days later, add to a date: timedelta, date
today, current date, date of today: today, date, now, current
now, current time, what time: now, time, current
date, dates, day, days: date, datetime
hour, minute, clock: time, clock
time zone, time zones, timezone, timezones: timezone, tzinfo, zoneinfo, tz, zone
between dates, time difference, how long, duration, elapsed: timedelta, elapsed, duration, timer
measure, stopwatch, benchmark: measure, timeit, timer, time, perf_counter
sleep, pause: sleep, suspend, delay
delay, after a while, later: delay, later, timer, seconds
schedule, scheduled, at a given time: schedule, scheduler, sched, timer
month, week, weekday, leap year: calendar, month, weekday
# collections
only the last, last items, most recent items: deque, maxlen, recent
to the end of a list, add an item, add to a list, at the end of a list, push: append, extend
first items, first ten items, some of the items: islice, slice
number the items, numbering, index while looping, with its index, running number: enumerate, count
any item, any of, at least one: any, true
all items, every item: all, every, map
apply a function, apply: map, apply, function
keep only, only the items, matching items, meet a condition, match a condition: filter, predicate
reduce, single value, accumulate: reduce, accumulate
flatten, list of lists: chain, flatten, iterables
pairings, every pairing, all pairs, every combination: product, combinations, cartesian
most common, most frequent: most_common, mode, counter
missing key, missing keys: missing, default, defaultdict
tuple with names, named fields, fields have names: namedtuple, fields, tuple
cannot be changed, unchangeable, read only: immutable, frozen, readonly, read
key value pairs in a file, like a dictionary in a file, dictionary on disk: shelf, shelve, dbm, persistent
pick up where, rotate: rotate
condition: condition, predicate
list, lists, array: list, sequence, iterable
dictionary, dictionaries, hash map, hash table, key value: dict, dictionary, mapping
item, items, entries: item, element
element, elements, entry: element, item
member, members: member, entry, element
count, how often, how many times, frequency, occurrences, occur, occurs: count, counter, occurrences, counts
sort, order, sorted, ordering: sort, sorted, order, key
attribute, field, property: attribute, attrgetter, field
reverse, backwards: reverse, reversed
nested, deep, deeply: nested, deep, recursive, compound
full copy, complete copy, independent copy, deep copy, real copy: deep, deepcopy, copy
both ends, either end, from the front, from the left: ends, deque, double ended
first in first out, fifo, waiting line: queue, fifo
priority: priority, heap
smallest item, smallest first, largest items: smallest, heap, priority
several dictionaries, multiple dictionaries, merge dictionaries: chainmap, mappings, dicts
merge, unite: merge, update, chain, combine
duplicates, unique items, distinct: set, unique
group, groups, cluster: group, groupby
loop, loop over, go through, iterate, go over: iterate, iterator, iterable, loop
two lists, several lists, at the same time as, in parallel lists, pairs: zip, iterables, tuples, parallel
endless, infinite, forever: infinite, cycle, repeat, forever
position, index: index, position, insertion
sorted list, keep sorted, sorted order: sorted, bisect, insertion
insert: insert, insertion
immutable, constant, constants: constant, immutable, frozen
enumeration, named constants, choices: enum, enumeration
stores data, hold data, data container, record, records, plain data: dataclass, fields, namedtuple
default value: default, defaultdict
empty: empty
chunk, chunks, slices, batches, slice: slice, batched, islice
# functions and classes
memory take, memory use of an object, size of an object: getsizeof, size, bytes
computed only once, compute once, lazily: cached, cached_property, lazy
may be none, optional: optional, none
depends on the type, by type, type of its argument: singledispatch, generic, dispatch
attributes of an object: attributes, dir, members
signature of a function: signature, inspect
whatever happens, in any case: finally, exit, exitstack, closing, cleanup
comparison, comparisons, comparison operators: ordering, comparison, total_ordering
name and docstring, metadata: wraps, update_wrapper, metadata
inherit, inheriting, subclass: subclass, inheritance, protocol
where python looks, module search path, looks for modules: path, search, modules, import
installed package, version of a package, installed packages: metadata, distribution, version
data file, package data: resources, package, resource
version of python, python version: version, python, interpreter
function, functions, method: function, callable
cache, remember results, memoize, memoise, caching: cache, lru_cache, memoize, cached
arguments in advance, some arguments, fix arguments, preset arguments, bind arguments: partial, arguments
argument, arguments, parameters, parameter: argument, parameter
decorator, wrapper: decorator, wraps, wrapper
abstract, interface: abstract, abc
base class, base classes, parent class, superclass: base, abstract, superclass
context manager, with statement, clean up, cleanup: context, contextmanager, with, exit
type hint, type hints, type annotation, type annotations: annotations, hints, typing, type
type: type
source code, source: source, getsource
look inside, examine, introspect: inspect, introspection
import, load a module, module name: import, import_module, importlib, module
by name, name in a string: name, named
warning, warn, warnings: warn, warning, warnings
deprecated, obsolete, outdated: deprecated, deprecation
error, errors, exception, exceptions: exception, error
ignore errors, ignore exception, ignore: suppress, ignore
stack, call stack, traceback: traceback, stack, frame
keeping it alive, keep alive, without keeping: weak, weakref, reference
garbage, garbage collector: gc, garbage, collector
memory, allocate, allocates, allocated, memory use, leak, leaks: memory, tracemalloc, allocated, allocations
recursion: recursion, recursive
# doing things at once
pass work, hand out work, distribute work, do work, workers: executor, submit, pool, worker
something happened, notify, wake, tell another thread: event, notify, condition, flag
asynchronous, asynchronously, async: asynchronous, asyncio, async
finishes first, first to finish, whichever finishes: first, completed, as_completed
hand over, pass data, exchange, between processes, between threads, between coroutines, pass items: queue, pipe,
    exchange
each thread, per thread, own copy: local, thread
child process, child processes: child, process, subprocess
kill: kill, terminate
background task: task, create_task
thread, threads: thread, threading
background, in the background: thread, background, daemon
parallel, in parallel, concurrently, at once, simultaneously: parallel, concurrent, concurrently, multiprocessing,
    pool
cpu core, cpu cores, cores, processor, processors, cpus: cpu, process, multiprocessing, processes, pool
lock, one at a time, only one thread, race condition, race, exclusive: lock, mutex, semaphore, exclusive
shared variable, share: shared, share
coroutine, coroutines, async function, async functions, await: coroutine, coroutines, awaitable, asyncio, task
wait for several, wait for all, several coroutines, gather: gather, wait, awaitables
wait: wait, join
limit, at most, bounded, how many at the same time: limit, semaphore, bounded, maximum
takes too long, too long, time out, timed out, timeout, time limit, deadline: timeout, wait_for, deadline
stop, abort, interrupt: stop, cancel, terminate, kill, interrupt
cancel: cancel, cancelled
blocking: blocking, thread
signal, signals, ctrl c, control c, interrupted by user: signal, handler, sigint, keyboardinterrupt, interrupt
react, respond, handle: handler, handle
exits, exit, ends, quit, shut down, shutdown, terminates: exit, termination, atexit, shutdown
# programs and the system
where a program, find a program: which, executable
end my program, end my script, leave the program, stop my program, quit: exit, quit, terminate
called with, arguments of my script, script arguments: argv, arguments
standard error: stderr
standard output, what is printed, what a function prints: stdout, redirect_stdout
capture, intercept: capture, redirect
logged in, who am i, current user: login, user, getuser
process id: pid, getpid, process
turn off, switch off, disable, silence, mute: disable, suppress, ignore, filter
how many cpus, number of cpus: cpu_count, cpus
program, external program, another program, executable, external command, shell command, system command, command:
    subprocess, process, command, program, popen
start a program, run a program, run a command, start an external program, call a program: subprocess, popen, process
get its output, its output, output of a command: output, check_output, stdout
start, launch: start, run, spawn
run, execute: run, execute, call
operating system, windows or linux, platform: platform, system, os, uname
computer, machine, hardware: machine, platform, node
environment variable, environment variables, environ: environment, environ, getenv
virtual environment, virtualenv, isolated environment: virtual, environment, venv
command line, command line argument, command line arguments, command line options: command, line, argparse, argv,
    arguments, parser
argument parser, flags, switches: argparse, option, parser
terminal, console, screen, terminal window: terminal, tty, console
wide, width, size of the terminal, how wide: width, size, columns
keyboard, user input, ask the user, type in: input, prompt, keyboard
prompt, interactive, shell: prompt, interactive, interpreter, cmd
password: password, getpass
without showing, hidden, invisible: echo
window, windows, gui, button, user interface, dialog: tkinter, widget, window, button, dialog
draw, drawing: draw, turtle, canvas
log, logs, log file, log message, log messages: logging, log, logger, handler
user name, users: user, login
c library, dll, shared library, c function, native code, c code: ctypes, dll, shared, library, foreign, c
c struct, c structure, c structs: struct, pack
pack, unpack: pack, unpack, struct
bits, bit: bit, bitwise
# network and web
relative link, relative url, relative address: urljoin, relative, base
host name, hostname, name of my computer: host, hostname, gethostname, gethostbyname
post request, get request, http request, request: request, urlopen, http, post
links, tags: parser, tag, html, href
query string, url parameters, query parameters: urlencode, query, quote
several sockets, many connections, data to read: select, selector, readable, poll
attach, attachment: attachment, add_attachment, multipart
web page, website, webpage, site: url, http, html, web
web: http, web, www
download, fetch, retrieve, get from the internet: urlopen, retrieve, url, fetch, download, request
upload, post, form: post, upload, request
internet, online: url, internet, http, network
url, address of a page, web address: url, urllib
browser, web browser: browser, webbrowser
open a url, open a page: urlopen, open, url
web server, http server: http, server, httpserver
server: server, listen
connection, connect, tcp, tcp connection: connection, connect, socket, tcp, stream
udp, network: socket, network
secure connection, tls, ssl, encrypted connection, https, certificate, certificates: ssl, tls, secure, certificate
email, e mail, mail, emails: mail, email, message, smtp
send: send, sendmail
inbox, read mail: imap, pop3, mailbox
cookie, cookies: cookie, cookiejar
ip address, ip addresses, subnet: ipaddress, ip, address, network
xml: xml, etree, elementtree
html: html
remote, rpc: remote, xmlrpc
ftp: ftp
# security and codes
checksum, fingerprint, digest, hash of: hash, digest, checksum, hashlib
hash, sha, md5, sha256: hash, digest, hashlib
secret, token, secure random, random password, api key: secrets, token, secure
unique id, unique identifier, identifier, guid, unique: uuid, unique, identifier
signature, sign, authenticate a message: hmac, digest
compress, compression, shrink: compress, compression
decompress, uncompress, unpack an archive, extract, unzip: decompress, extract, extractall
archive, archives, zip, tarball: archive
# data bases, tests, tools
during a test, in a test, during tests: test, mock, patch
raises, raises an exception, throws: assertraises, raises, exception
before every test, before each test, set up a test: setup, fixture
skip a test: skip, skipif
inside docstrings, in the docstrings, examples in docstrings: docstring, docstrings, doctest, examples
level: level, setlevel
database, sql, sqlite: sqlite, sqlite3, database, sql, connection
test, tests, test case, unit test, unit tests: test, testcase, unittest
fake, stub, simulate: mock, patch
debugger, debug, step through, breakpoint: debugger, pdb, breakpoint, debug, step
slow, bottleneck, profile, performance, hot spots: profile, profiler, profiling, cprofile
speed, fast, faster: time, performance, speed
type of a file, file type, kind of file, content type: mime, type, mimetypes, guess
documentation, help text: help, documentation, pydoc
bytecode, byte code: bytecode, dis, disassemble
syntax tree, abstract syntax: ast, syntax, node
"""


def _read(table: str) -> dict[tuple[str, ...], tuple[str, ...]]:
    entries: dict[tuple[str, ...], tuple[str, ...]] = {}
    for line in table.replace("\n    ", " ").splitlines():
        left, colon, right = line.partition(":")
        if colon and not line.startswith("#"):
            words = tuple(word.strip() for word in right.split(","))
            for phrase in left.split(","):
                key = tuple(phrase.split())
                entries[key] = (*entries.get(key, ()), *(word for word in words if word not in entries.get(key, ())))
    return entries


SYNONYMS = _read(_TABLE)
"""Phrase, as the words it is made of, to the words to look for beside it."""

LONGEST_PHRASE = max(map(len, SYNONYMS))
