//! What test runners say at their ends, added up.

use std::ops::AddAssign;

/// How many tests there were.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Passed.
    pub passed: usize,
    /// Failed, or could not be run.
    pub failed: usize,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The sum of the summaries among these lines: `test result: ok. 3 passed; 0 failed; …` of cargo,
/// `3 passed, 1 failed in 0.5s` of pytest and `dev/java`; and of Go's, which has none, of its tests.
pub fn count(lines: &[String]) -> Count {
    let mut count = Count::default();
    // Those of a test within a test are further in, and part of it.
    let of_go = |verdict| lines.iter().filter(|line| line.starts_with(verdict)).count();
    count.passed += of_go("--- PASS: ");
    count.failed += of_go("--- FAIL: ");
    for line in lines.iter().filter(|line| is_summary(line)) {
        count += Count {
            passed: number_before(line, "passed"),
            failed: number_before(line, "failed") + number_before(line, "error"),
        };
    }
    count
}

fn is_summary(line: &str) -> bool {
    let pytest = line.starts_with(|first: char| first == '=' || first.is_ascii_digit());
    line.starts_with("test result:") || (pytest && line.contains(" in "))
}

fn number_before(line: &str, word: &str) -> usize {
    let words: Vec<&str> =
        line.split([' ', ',', ';', '=']).filter(|word| !word.is_empty()).collect();
    let found = words.windows(2).find(|pair| pair[1].starts_with(word));
    found.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, passed: usize, failed: usize) {
        assert_eq!(count(&[line.to_owned()]), Count { passed, failed }, "{line}");
    }

    #[test]
    fn the_runners_are_understood() {
        check(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            12,
            0,
        );
        check(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            3,
            2,
        );
        check("5 passed in 3.21s", 5, 0);
        check("1 failed, 4 passed in 3.21s", 4, 1);
        check("2 passed, 1 error in 1.00s", 2, 1);
        check("7 passed in 61.02s (0:01:01)", 7, 0);
        check("480 passed, 2 failed in 90.1s", 480, 2);
        check("--- PASS: TestSelect (0.05s)", 1, 0);
        check("--- FAIL: TestSelect (0.05s)", 0, 1);
        check("===== 7 passed, 1 warning in 61.02s (0:01:01) =====", 7, 0);
    }

    #[test]
    fn other_lines_count_nothing() {
        check("test one_passed ... ok", 0, 0);
        check("running 3 tests", 0, 0);
        check("    --- PASS: TestSelect/one (0.05s)", 0, 0);
    }

    #[test]
    fn several_runs_are_added_up() {
        let lines =
            ["test result: ok. 1 passed; 0 failed;", "test result: ok. 2 passed; 0 failed;"];
        assert_eq!(count(&lines.map(str::to_owned)), Count { passed: 3, failed: 0 });
    }
}
