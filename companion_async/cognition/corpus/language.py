"""Pure: the subject index of the language itself: what its topics and its built-in functions are for, in plain words.

The language reference calls things by their grammar, and built-in functions are told in a line or two.
"""

from __future__ import annotations

LANGUAGE = """
topic:assert: assert statement, check that a condition holds, assumption in a program, fails with AssertionError
topic:assignment: assign a value to a variable, unpack a tuple or list into several variables, swap two variables
topic:async: asynchronous function, async def, await, coroutine, async for and async with
topic:atom-identifiers: private names with two underscores, name mangling
topic:atom-literals: literal, constant value in the source
topic:attribute-access: attribute access of a class customized, computed attribute, descriptor, property, slots
topic:attribute-references: attribute of an object, dot
topic:augassign: add to a variable in place, increment, plus equals
topic:await: wait for a coroutine
topic:binary: arithmetic, plus, minus, times, divide, integer division, remainder, modulo
topic:bitwise: bitwise and, or, xor
topic:bltin-code-objects: code object, compiled source
topic:bltin-ellipsis-object: three dots
topic:bltin-null-object: None, nothing, no value
topic:bltin-type-objects: type of an object
topic:booleans: and, or, not, true and false, combine conditions, short circuit
topic:break: leave a loop early, stop a loop
topic:callable-types: make an object callable like a function
topic:calls: call a function with positional and keyword arguments, pass arguments, star arguments, wrong number of
    arguments
topic:class: define a class, inherit from a base class, inheritance, subclass, parent class
topic:comparisons: compare values, equal or identical, equality and identity, is and ==, less than, chained comparison
topic:compound: match statement, pattern matching, switch and case, compound statement
topic:context-managers: object for a with statement, enter and exit, set up and clean up
topic:continue: skip to the next turn of a loop
topic:conversions: numbers of different types in one expression
topic:customization: special methods of a class, constructor, init, how an object is printed, compared and hashed
topic:debugger: debugger, breakpoint, step through a program, inspect variables
topic:del: delete a variable, an item or a slice
topic:dict: dictionary display, curly braces, dictionary comprehension, key and value
topic:dynamic-features: names and dynamic code, eval and exec
topic:else: otherwise, elif, condition
topic:exceptions: errors, exception handling, catch and raise exceptions
topic:execmodel: scope of names, namespace, local and global variables, closure, exception handling
topic:exprlists: tuple, comma, unpack with a star
topic:floating: number with a decimal point, exponent
topic:for: loop over the items of a sequence, iterate, repeat
topic:formatstrings: format numbers and text in a string, width, alignment, decimals, thousands separator, format
    specification
topic:function: define a function, default value of a parameter, keyword arguments, any number of arguments, decorator,
    return type annotation
topic:global: change a global variable in a function
topic:id-classes: names with underscores, private names, special names
topic:identifiers: valid names of variables, reserved words, keywords
topic:if: condition, otherwise, elif
topic:imaginary: complex number
topic:import: import a module, a package or another file, import under another name, relative import
topic:in: test whether an item is in a list, a key in a dictionary, text in a string
topic:integers: whole number, hexadecimal, octal and binary numbers in the source
topic:lambda: anonymous function, function in one line
topic:lists: list display, square brackets, list comprehension
topic:naming: scope of names, namespace, local and global variables, closure, NameError
topic:nonlocal: change a variable of the enclosing function
topic:numbers: numbers in the source
topic:numeric-types: overload operators, arithmetic with objects of a class of one's own, plus, minus
topic:objects: object, value, type and identity, mutable and immutable
topic:operator-summary: precedence of operators, order of evaluation, which operator comes first
topic:pass: do nothing, empty block, placeholder
topic:power: raise to a power, exponent
topic:raise: raise an exception, throw an error of one's own, raise again, cause of an exception
topic:return: give a value back from a function, result of a function, leave a function
topic:sequence-types: class that acts as a container, length, index access, iterable object, iteration protocol
topic:shifting: shift bits to the left or right
topic:slicings: part of a list or string, slice from start to end, step
topic:specialattrs: attributes of classes and functions, name of a class, base classes
topic:specialnames: special methods, dunder methods, magic methods
topic:string-methods: methods of strings, upper and lower case, split and join, search and replace, strip, pad
topic:strings: string literals, quotes, multi-line text, escape sequences, raw string, f-string, formatted string,
    bytes
topic:subscriptions: item of a list or dictionary by index or key, square brackets
topic:truth: what counts as true or false, empty list, empty string, zero, None
topic:try: catch an exception, handle an error, exception handling, except, finally, clean up, else
topic:types: built-in types, type hierarchy, mutable and immutable types
topic:typesfunctions: function object
topic:typesmapping: dictionary, mapping, key exists, get with a default, merge and update, loop over keys and values
topic:typesmethods: method of an instance, bound method, self
topic:typesmodules: module object, attributes of a module
topic:typesseq: sequences, list, tuple and range, index, length, concatenate, repeat, slice, sort
topic:typesseq-mutable: change a list, add, insert and remove items, append, extend, reverse, copy
topic:unary: negative number, sign, invert bits
topic:while: loop as long as a condition holds, endless loop, repeat until
topic:with: context manager, open and close a file, resource that is closed in any case, clean up
topic:yield: generator, generator function, produce values one after the other, lazily
builtins.abs: absolute value, without the sign
builtins.all: whether all items are true, every
builtins.any: whether at least one item is true
builtins.ascii: text of an object in ASCII alone
builtins.bin: number as binary digits
builtins.bool: true or false
builtins.breakpoint: stop in the debugger
builtins.bytearray: binary data that can be changed
builtins.callable: whether something can be called as a function
builtins.chr: character of a code point, number to letter
builtins.classmethod: method of the class rather than of an instance, alternative constructor
builtins.compile: compile source text to code
builtins.complex: complex number
builtins.delattr: remove an attribute by name
builtins.dir: names and attributes of an object
builtins.divmod: quotient and remainder of a division, modulo
builtins.enumerate: loop with a counter, index and item
builtins.eval: evaluate an expression given as text
builtins.exec: run code given as text
builtins.filter: only the items that meet a condition
builtins.float: number with a decimal point, convert a string to a number
builtins.format: format a value, width, decimals, thousands separator
builtins.frozenset: set that cannot be changed
builtins.getattr: attribute of an object by name, with a default
builtins.globals: global variables as a dictionary
builtins.hasattr: whether an object has an attribute
builtins.hash: hash value, dictionary key
builtins.hex: number as hexadecimal digits
builtins.id: identity of an object, address in memory
builtins.int: integer, whole number, convert a string to a number, number in another base
builtins.isinstance: check the type of an object, instance of a class
builtins.issubclass: whether a class inherits from another
builtins.iter: iterator of an object
builtins.len: length, number of items, how many
builtins.locals: local variables as a dictionary
builtins.map: apply a function to every item
builtins.max: largest item, maximum, biggest
builtins.min: smallest item, minimum
builtins.next: next item of an iterator or generator
builtins.oct: number as octal digits
builtins.ord: code point of a character, letter to number, character code
builtins.pow: raise to a power, exponent, modulo
builtins.property: computed attribute, getter and setter, read-only attribute
builtins.range: numbers from start to end, count in a loop
builtins.repr: text of an object for programmers
builtins.reversed: in reverse order, backwards
builtins.round: round a float to some decimals, digits after the decimal point
builtins.setattr: set an attribute by name
builtins.slice: part of a sequence
builtins.sorted: sort the items of a list, set or dict, by a key or value, in descending order
builtins.staticmethod: method without self
builtins.sum: add up numbers, total
builtins.super: call a method of the parent class, base class, inheritance
builtins.tuple: sequence that cannot be changed
builtins.type: type or class of an object
builtins.vars: attributes of an object as a dictionary
builtins.zip: walk over several lists in parallel, pair up items
"""
