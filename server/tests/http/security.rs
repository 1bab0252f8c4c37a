//! `SECURITY.md` says of each requirement of ASVS 4.0.3, level 2, whether it is held and by which test. That it is true is the tests'
//! matter; that they exist is this one's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// How many requirements of level 2 there are in each chapter.
const REQUIREMENTS: [usize; 14] = [38, 53, 18, 9, 30, 13, 12, 15, 7, 5, 8, 15, 13, 23];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows of the table: requirement, what it is about, state, why.
fn rows() -> Vec<[String; 4]> {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| V"));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    rows.map(|line| cells(line).try_into().unwrap_or_else(|cells| panic!("four cells: {cells:?}"))).collect()
}

/// Everything that is called a test or could be one.
fn names(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            if !["target", "node_modules", "test-results"].contains(&&*name) && !name.starts_with('.') {
                names(&path, into);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            into.extend(text.lines().filter_map(|line| Some(line.split_once("fn ")?.1.split_once('(')?.0.to_owned())));
        }
    }
}

#[test]
fn every_requirement_is_in_the_table_once() {
    let mut counts = BTreeMap::<usize, usize>::new();
    let mut seen = BTreeSet::new();
    for [requirement, about, state, why] in rows() {
        assert!(seen.insert(requirement.clone()), "{requirement} is there twice");
        let chapter = requirement.trim_start_matches('V').split('.').next().unwrap().parse().unwrap();
        *counts.entry(chapter).or_default() += 1;
        assert!(["held", "open", "n/a"].contains(&&*state), "{requirement} is {state:?}");
        assert!(!about.is_empty() && !why.is_empty(), "{requirement} says nothing");
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), REQUIREMENTS);
}

#[test]
fn what_is_held_is_held_by_tests_that_exist() {
    let mut known = BTreeSet::new();
    names(&root(), &mut known);
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    for [requirement, _, state, why] in rows() {
        let named: Vec<&str> = why.split('`').skip(1).step_by(2).collect();
        let is_there = |name: &&str| match name.strip_prefix("make ") {
            Some(target) => makefile.lines().any(|line| line.starts_with(&format!("{target}:"))),
            None => known.contains(*name),
        };
        if state == "held" {
            assert!(named.iter().any(is_there), "{requirement} is held by nothing");
            assert!(
                named.iter().all(|name| is_there(name) || !name.contains('_')),
                "{requirement} names a test that is not there: {named:?}"
            );
        }
    }
}
