package settings

import "strings"

// keyLines finds the line of each key and table of a TOML file, by dotted name.
// It is for messages only: what it can't make out, such as the keys of an inline
// table, it leaves out.
func keyLines(text string) map[string]int {
	out := map[string]int{}
	note := func(name string, line int) {
		if _, ok := out[name]; !ok {
			out[name] = line
		}
	}
	table, fence := "", ""
	for i, raw := range strings.Split(text, "\n") {
		line := strings.TrimSpace(raw)
		if fence != "" { // within a text of several lines
			if strings.Contains(line, fence) {
				fence = ""
			}
			continue
		}
		for _, f := range []string{`"""`, `'''`} {
			if strings.Count(line, f) == 1 {
				fence = f
			}
		}
		if inner, ok := strings.CutPrefix(line, "["); ok {
			if name, rest, ok := dotted(strings.TrimPrefix(inner, "[")); ok && strings.HasPrefix(rest, "]") {
				table = name
				note(table, i+1)
			}
			continue
		}
		if name, rest, ok := dotted(line); ok && strings.HasPrefix(rest, "=") {
			if table != "" {
				name = table + "." + name
			}
			note(name, i+1)
		}
	}
	return out
}

// dotted reads a key such as shop."milano".origin at the beginning of s.
func dotted(s string) (name, rest string, ok bool) {
	for {
		s = strings.TrimLeft(s, " \t")
		var part string
		if s != "" && (s[0] == '"' || s[0] == '\'') {
			end := strings.IndexByte(s[1:], s[0])
			if end < 0 {
				return "", "", false
			}
			part, s = s[1:end+1], s[end+2:]
		} else {
			n := strings.IndexFunc(s, func(r rune) bool {
				return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", r)
			})
			if n <= 0 {
				return "", "", false
			}
			part, s = s[:n], s[n:]
		}
		name += part
		s = strings.TrimLeft(s, " \t")
		if !strings.HasPrefix(s, ".") {
			return name, s, true
		}
		name, s = name+".", s[1:]
	}
}
