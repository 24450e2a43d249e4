//! JUnit XML, for systems that collect test results. quick-junit stays: it writes the attributes that CI systems expect and
//! removes characters that XML cannot have, which service output may contain.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

/// A test case.
pub(crate) struct JunitCase {
    /// The id of the lab or exercise.
    pub(crate) suite: String,
    pub(crate) name: String,
    /// Why it failed; `None` if it passed.
    pub(crate) problem: Option<String>,
}

/// Returns cases as JUnit XML, with a suite per exercise.
pub(crate) fn junit(name: &str, cases: &[JunitCase]) -> anyhow::Result<String> {
    let mut report = Report::new(name);
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in cases {
        let status = match &case.problem {
            None => TestCaseStatus::success(),
            Some(problem) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(problem.clone());
                status
            }
        };
        let test = TestCase::new(case.name.clone(), status);
        match suites
            .iter_mut()
            .find(|suite| suite.name.as_str() == case.suite)
        {
            Some(suite) => drop(suite.add_test_case(test)),
            None => {
                let mut suite = TestSuite::new(case.suite.clone());
                suite.add_test_case(test);
                suites.push(suite);
            }
        }
    }
    report.add_test_suites(suites);
    Ok(report.to_string()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_their_reason() {
        let case = |name: &str, problem: Option<&str>| JunitCase {
            suite: "ttl".into(),
            name: name.into(),
            problem: problem.map(str::to_owned),
        };
        let xml = junit(
            "redis",
            &[case("a", None), case("b", Some("expected <1>, saw -1"))],
        )
        .unwrap();
        assert!(
            xml.contains(r#"<testsuites name="redis" tests="2" skipped="0" failures="1""#),
            "{xml}"
        );
        assert!(xml.contains("expected &lt;1&gt;, saw -1"), "{xml}");
    }
}
