"""Pure: the subject index of what well-known modules hold: what their functions and classes are for, in plain words.

Written down module by module, for names whose own docstring does not say what one would look for them under.
"""

from __future__ import annotations

MEMBERS = """
builtins.str.join: join a list of strings to one text with a separator, commas
builtins.str.split: split text into words or at a separator
builtins.str.strip: remove spaces and newlines at both ends, trim
builtins.str.replace: replace part of a text
builtins.str.startswith: whether text begins with a prefix
builtins.str.endswith: whether text ends with a suffix
builtins.str.format: fill values into a text, placeholders
builtins.str.zfill: leading zeros, pad a number
builtins.str.encode: text to bytes
builtins.bytes.decode: bytes to text
builtins.str.title: capitalize every word
builtins.str.isdigit: whether text is a number
builtins.list.append: add an item at the end of a list
builtins.list.sort: sort a list in place
builtins.list.remove: remove an item by its value
builtins.list.pop: take the last item, remove an item by its position
builtins.list.index: position of an item in a list
builtins.dict.get: value of a key, or a default if the key is missing
builtins.dict.items: loop over keys and values of a dictionary
builtins.dict.update: merge dictionaries
builtins.dict.setdefault: value of a key, set if it is missing
builtins.set.intersection: items that two collections have in common
builtins.set.difference: items that are in one collection and not in the other
builtins.Exception: base class of errors, exception of one's own
builtins.KeyError: key missing in a dictionary
builtins.IndexError: position outside of a list
builtins.TypeError: wrong type, wrong arguments of a call
builtins.AttributeError: object has no such attribute
builtins.KeyboardInterrupt: Ctrl-C pressed by the user
collections.ChainMap: look up in several dictionaries, merge dictionaries
collections.Counter: count how often items occur, most common, histogram
collections.OrderedDict: dictionary in order of insertion
collections.defaultdict: dictionary with a default for missing keys, group into lists
collections.deque: double ended queue, fast at both ends, last items seen, ring buffer
collections.namedtuple: tuple with named fields, light record
contextlib.closing: close an object at the end of a with block
contextlib.contextmanager: write a context manager as a generator
contextlib.redirect_stdout: capture what is printed, send printed output elsewhere
contextlib.suppress: ignore an exception
contextlib.ExitStack: several context managers, clean up in reverse order
copy.deepcopy: independent copy of nested objects
datetime.datetime.now: current date and time
datetime.date.strftime: format a date and time as text
datetime.datetime.strptime: parse text to a date and time
datetime.timedelta: difference between dates, add days, hours, duration
datetime.date.weekday: day of the week
functools.cache: remember results of a function, memoize
functools.cached_property: property that is computed only once
functools.cmp_to_key: comparison function as a sort key
functools.lru_cache: remember results of a function, memoize, cache with a limited size
functools.partial: fix some arguments of a function in advance
functools.reduce: combine all items into one value with a function
functools.singledispatch: function that depends on the type of its argument, overload
functools.total_ordering: all comparison methods out of two
functools.wraps: keep name and docstring of a decorated function
heapq.heappop: take the smallest item
heapq.nlargest: the largest items, top ten
heapq.nsmallest: the smallest items
bisect.insort_right: insert and keep a list sorted
itertools.accumulate: running totals, cumulative sum
itertools.chain: one sequence after another, flatten a list of lists
itertools.combinations: every pair, choose some items without order
itertools.count: endless counter
itertools.cycle: repeat a sequence endlessly
itertools.groupby: group neighbouring items by a key
itertools.islice: first items of an iterator or generator, slice
itertools.permutations: every order of items
itertools.product: all combinations of several lists, nested loops
itertools.zip_longest: walk over lists of different lengths in parallel
itertools.takewhile: items until a condition fails
operator.itemgetter: sort by an item, key function, column
operator.attrgetter: sort by an attribute, key function
random.Random.choice: pick one item at random
random.Random.gauss: random numbers with normal distribution
random.Random.randint: random whole number in a range
random.Random.sample: several different items at random
random.Random.seed: same random numbers again, reproducible
random.Random.shuffle: random order, mix a list
math.ceil: round up
math.floor: round down
math.fsum: exact sum of floats
math.gcd: greatest common divisor
math.isclose: compare floats nearly equal
math.sqrt: square root
math.factorial: product of numbers up to n
statistics.mean: average
statistics.median: middle value
statistics.stdev: standard deviation
re.compile: prepare a pattern for repeated use
re.findall: all matches of a pattern
re.match: pattern at the start of a text
re.search: find a pattern anywhere in a text
re.split: split at a pattern, several separators
re.sub: replace what matches a pattern
json.dump: write an object to a JSON file
json.dumps: object to a JSON text
json.load: read a JSON file
json.loads: parse JSON text
csv.DictReader: read rows of a table as dictionaries
csv.reader: read rows of a table
csv.writer: write rows of a table
os.chmod: change permissions of a file
os.getcwd: current directory
os.getpid: number of the running process
os.cpu_count: number of processor cores
os.listdir: names of files in a directory
os.makedirs: create a directory with its parents
os.mkdir: create a directory
os.remove: delete a file
os.rename: rename a file
os.replace: rename a file over another, atomically
os.scandir: entries of a directory with their attributes
os.stat: size, owner and time of change of a file
os.symlink: make a symbolic link
os.system: run a shell command
os.walk: all files below a directory, recursively, subdirectories
os.path.abspath: absolute path
os.path.basename: file name without its directory
os.path.dirname: directory of a file
os.path.exists: whether a file exists
os.path.expanduser: home directory
os.path.getmtime: when a file was last changed
os.path.getsize: size of a file in bytes
os.path.isdir: whether a path is a directory
os.path.join: put a path together
os.path.splitext: extension of a file name
pathlib.Path.exists: whether a file exists
pathlib.Path.glob: find files by a pattern
pathlib.Path.iterdir: files in a directory
pathlib.Path.mkdir: create a directory
pathlib.Path.read_text: read a whole text file, encoding
pathlib.Path.rglob: find files recursively in subdirectories
pathlib.Path.unlink: delete a file
pathlib.Path.write_text: write a text file
shutil.copy: copy a file
shutil.copy2: copy a file with its times and permissions
shutil.copytree: copy a whole directory
shutil.disk_usage: free space on a disk
shutil.make_archive: pack a directory into a zip or tar file
shutil.move: move a file or directory
shutil.rmtree: delete a directory with everything in it
shutil.which: find a program
tempfile.NamedTemporaryFile: temporary file with a name
tempfile.TemporaryDirectory: temporary directory that is deleted afterwards
io.BytesIO: binary data as a file in memory
io.StringIO: text as a file in memory
io.TextIOWrapper: text file, encoding, line by line
linecache.getline: one certain line of a file
sys.exit: end the program with an exit code
sys.getrefcount: number of references to an object
sys.getsizeof: memory that an object takes
sys.exc_info: exception that is being handled
sys.setrecursionlimit: depth of recursion
subprocess.Popen: start a program and talk to it, pipes
subprocess.check_output: output of a command
subprocess.run: run a command and wait for it, capture its output
threading.Event: tell another thread that something happened
threading.Lock: one thread at a time, protect shared data
threading.Semaphore: at most some threads at a time
threading.Thread: run a function in a thread, in the background
threading.Timer: run a function after a delay
threading.local: data of each thread
queue.Queue: pass items between threads safely
queue.PriorityQueue: smallest item first
concurrent.futures.ThreadPoolExecutor: run functions in a pool of threads
concurrent.futures.ProcessPoolExecutor: run functions in a pool of processes, use all cores
concurrent.futures.as_completed: results as they finish
multiprocessing.pool.Pool: use all processor cores, pool of processes
asyncio.create_task: start a coroutine in the background
asyncio.gather: wait for several coroutines and collect their results
asyncio.run: start a coroutine from ordinary code
asyncio.sleep: wait without blocking
asyncio.to_thread: run a blocking function in a thread
asyncio.wait_for: time limit for a coroutine
asyncio.Queue: pass items between coroutines
asyncio.Semaphore: at most some coroutines at a time
time.perf_counter: measure elapsed time
time.sleep: pause, wait some seconds
time.time: seconds since 1970, timestamp
inspect.getsource: source code of a function
inspect.signature: parameters of a function
inspect.getmembers: attributes of an object
importlib.import_module: import a module whose name is in a string
importlib.reload: load a module again
textwrap.dedent: remove common leading whitespace of lines
textwrap.fill: break long lines
textwrap.shorten: cut a text to a length
string.Template: text with $ placeholders
urllib.parse.quote: escape characters of an address
urllib.parse.urlencode: parameters of an address, query string
urllib.parse.urljoin: complete a relative link
urllib.parse.urlparse: parts of an address
urllib.request.urlopen: download a page
html.escape: special characters safe for HTML
traceback.format_exc: stack trace of an exception as text
traceback.print_exc: print the stack trace of an exception
unittest.mock.patch: replace an object during a test
unittest.TestCase.assertRaises: test that an exception is raised
typing.Optional: value that may be None
typing.Any: any type
typing.Union: one of several types
weakref.ref: reference that does not keep an object alive
secrets.token_hex: random token
uuid.uuid4: random unique identifier
"""
