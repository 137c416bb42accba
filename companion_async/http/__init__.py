"""The HTTP interface, once for every framework: what can be asked, by whom, and what is answered."""
