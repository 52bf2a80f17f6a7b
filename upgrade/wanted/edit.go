package wanted

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
)

// edited gives the bytes of the files of v that change when each of these services
// gets its reference. Only the value is edited, where it is written: in a compose
// file, in a default, or in an env file.
func edited(v *view, want map[string]string) (map[string][]byte, error) {
	edits := map[string][]source.Edit{}
	var refused []*Refused
	for _, svc := range v.stack.Services {
		ref, ok := want[svc.Name]
		if !ok || svc.Image.Reveal() == ref && sameRef(v.model.Services[svc.Name].Image, ref) {
			continue
		}
		e, r := point(v, svc, ref)
		if r != nil {
			refused = append(refused, r)
			continue
		}
		edits["/"+e.Pos.File] = append(edits["/"+e.Pos.File], e)
	}
	if err := join(refused); err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for path, list := range edits {
		data, err := source.Apply(v.tree[path].Data, list)
		if err != nil {
			return nil, refuse(Files, "services that share one value in "+path+" would need different ones", "", "",
				"give each service an image of its own there").at(list[0].Pos)
		}
		out[path] = data
	}
	return out, nil
}

// point gives the edit that makes the image of svc want.
func point(v *view, svc *compose.Service, want string) (source.Edit, *Refused) {
	at := svc.Image
	have := at.Reveal()
	if have != v.model.Services[svc.Name].Image {
		return source.Edit{}, refuse(Files, "the image of "+svc.Name+" is not what its file says: a variable of the environment, or a part that is not read", "", "",
			"write it into the file, or the variable into the .env").at(at.Pos)
	}
	if len(at.Vars) == 0 && at.Raw == have && at.Len == len(have) {
		return source.Edit{Pos: at.Pos, Old: have, New: want}, nil
	}
	name, tail := cut(have)
	newName, newTail := cut(want)
	if name == newName && newTail != "" {
		if e, ok := at.Swap(tail, newTail); ok {
			return e, nil
		}
		if e, ok := at.Append(":" + newTail); ok && tail == "" {
			return e, nil
		}
	}
	if e, ok := whole(v, at, have, want); ok {
		return e, nil
	}
	return source.Edit{}, refuse(Files, "the image of "+svc.Name+" is put together of parts that cannot be edited", "", "",
		"write "+svc.Name+"'s tag as one value").at(at.Pos)
}

// cut splits a reference into its name and what stands behind the colon: tag,
// digest or both.
func cut(ref string) (name, tail string) {
	name = image.SplitName(ref)
	tail = strings.TrimPrefix(ref[len(name):], ":")
	if at := strings.IndexByte(name, '@'); at >= 0 { // no tag before the digest
		name, tail = name[:at], name[at:]
	}
	return name, tail
}

// whole gives the edit where one variable, or one default, is all of the image.
func whole(v *view, at compose.Value, have, want string) (e source.Edit, ok bool) {
	if len(at.Via) == 0 {
		return e, false
	}
	span, secret := at.Span, false
	if via := at.Via[len(at.Via)-1]; via.Kind == compose.ViaEnv {
		i := slices.IndexFunc(v.stack.Env, func(f *dotenv.File) bool { return f.Path == via.At.File })
		if i < 0 {
			return e, false
		}
		entry, found := v.stack.Env[i].Lookup(via.Name)
		if !found {
			return e, false
		}
		span, secret = entry.At, true
	}
	data := v.tree["/"+span.File].Data
	end := span.Offset + span.Len
	if end > len(data) {
		return e, false
	}
	for span.Len > 1 && (data[span.Offset] == '"' || data[span.Offset] == '\'') && data[span.Offset] == data[end-1] {
		span.Offset, span.Col, span.Len, end = span.Offset+1, span.Col+1, span.Len-2, end-1
	}
	if string(data[span.Offset:end]) != have {
		return e, false
	}
	return source.Edit{Pos: span.Pos, Old: have, New: want, Secret: secret}, true
}

// sameRef reports whether two references mean one image: "redis" and
// "docker.io/library/redis:latest" do.
func sameRef(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := image.Parse(a)
	y, errY := image.Parse(b)
	for _, r := range []*image.Ref{&x, &y} {
		if r.Tag == "" && r.Digest == "" {
			r.Tag = "latest"
		}
	}
	return errX == nil && errY == nil && x == y
}

// check says which services of now have not the image that is asked for, or
// another one than in was although nobody asked.
func check(was, now *view, want map[string]string) error {
	var all []*Refused
	for _, svc := range now.stack.Services {
		m, ok := now.model.Services[svc.Name]
		if !ok {
			continue
		}
		ref, asked := want[svc.Name]
		if !asked {
			ref = was.model.Services[svc.Name].Image
		}
		if sameRef(m.Image, ref) || m.Image == "" && m.built() {
			continue
		}
		reason := fmt.Sprintf("the image of %s would change as well: it takes the same value as another", svc.Name)
		if asked {
			reason = fmt.Sprintf("the image of %s does not become what is asked for", svc.Name)
		}
		all = append(all, refuse(Files, reason, "", "", "give "+svc.Name+" a value of its own").at(svc.Image.Pos))
	}
	return join(all)
}
