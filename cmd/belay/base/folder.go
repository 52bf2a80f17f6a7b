package base

import "os"

// folder is a folder below the temporary one, made when the first file in it
// is: most folders of a repository hold nothing that is wanted.
type folder struct {
	parent *folder
	name   string
	path   string // from the temporary folder, with slashes
	root   *os.Root
}

// open makes the folder, and those above it, the first time.
func (f *folder) open() (*os.Root, error) {
	if f.root != nil {
		return f.root, nil
	}
	above, err := f.parent.open()
	if err != nil {
		return nil, err
	}
	if err := above.Mkdir(f.name, 0o700); err != nil {
		return nil, err
	}
	f.root, err = above.OpenRoot(f.name)
	return f.root, err
}

func (f *folder) close() error {
	if f.root == nil {
		return nil
	}
	return f.root.Close()
}
