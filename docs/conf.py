"""How Sphinx makes the site out of these pages and the package's docstrings: ``make docs``."""

from __future__ import annotations

from companion_async import __version__

project = "companion_async"
html_title = "companion_async"
release = version = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 4  # links to headings as the forges make them, so that both sites follow the same links

# In docstrings a name in single backticks is a link where that name is documented, and code where it is not.
default_role = "py:obj"
add_module_names = False
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = False

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
