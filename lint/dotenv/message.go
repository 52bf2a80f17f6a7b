package dotenv

import "fmt"

// Message says what drifts, in one sentence without a full stop and without
// any value. What is said of a secret key may be printed anywhere.
func (d Drift) Message() string {
	s := d.Key + " " + d.what()
	if d.Note != "" {
		s += " (" + d.Note + ")"
	}
	return s
}

func (d Drift) what() string {
	switch d.Kind {
	case Missing:
		return d.missing()
	case Pinned:
		return "has a new default, and yours is still the old one"
	case Overridden:
		return "has a new default, and you have a value of your own"
	case DefaultChanged:
		return d.changed()
	case Added:
		return d.added()
	case Renamed:
		return "looks like the new name of " + d.Pair
	case Removed:
		return d.removed()
	case CommentedOut:
		return d.commentedOut()
	case Duplicate:
		return fmt.Sprintf("is set again; line %d set it first", d.Old.Line)
	case HelpChanged:
		return "has another comment above it, and perhaps another meaning"
	case Moved:
		return "moved to " + base(d.New)
	case Unknown:
		return "is in no example and in no compose file"
	}
	return string(d.Kind)
}

func (d Drift) missing() string {
	switch {
	case d.Needed:
		return "is missing, and the stack needs it"
	case d.HasDefault:
		return "is missing; the example has a default"
	}
	return "is missing; the example leaves it empty"
}

func (d Drift) changed() string {
	switch d.Have {
	case HaveNone:
		return "has a new default, and you do not set it"
	case HaveNew:
		return "has a new default, which you have already"
	case HaveSet:
		return "has a new default, and you set it"
	}
	return "has a new default"
}

func (d Drift) added() string {
	s := "is new, without a default"
	if d.HasDefault {
		s = "is new, with a default"
	}
	switch d.Have {
	case HaveUnknown:
		return s
	case HaveNone:
		return s + ", and you do not set it"
	}
	return s + ", and you set it already"
}

func (d Drift) removed() string {
	switch d.Have {
	case HaveUnknown, HaveNone:
		return "is gone from the examples"
	}
	return "is gone from the examples, and you still set it: keep it until you know that nothing reads it"
}

func (d Drift) commentedOut() string {
	if d.Yours.Pos.IsZero() || d.Have != HaveNone {
		return "is commented out in the new examples"
	}
	return "is commented out in your file"
}
