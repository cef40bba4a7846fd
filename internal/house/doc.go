// Package house holds, as tests, what the code of this module promises about
// itself: which package may import which, which modules an importer gets, how
// long files and functions may be, that every public name is explained, and
// that the profiles in the documentation load.
//
// Each rule is a function from sources or packages to complaints, and is shown
// to complain on a small example that breaks it.
package house
