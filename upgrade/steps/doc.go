// Package steps holds the reversible steps that runs are made of, one per
// file, and List, which puts them in order.
//
// What must stay true: what Do is about to destroy is in the result of Capture
// or on disk before Do begins; Undo is right from none, part or all of Do and
// may run twice; nothing of the user's data is deleted before what replaces it
// is proven, and then only by retention.
//
// To add one: a file with a type that has Check, Capture, Do and Undo, and a
// line in List. Its name stands in journals: renaming it leaves runs that are
// under way without a way back.
package steps
