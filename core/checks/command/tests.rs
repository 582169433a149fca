use proptest::prelude::*;

use super::*;
use crate::checks::testing;

fn command(table: &Value, may_run: bool) -> Result<Box<dyn Check>, Vec<String>> {
    let mut problems = Problems::new();
    let Some(settings) = read(&Node::from_json(table), &mut problems) else {
        return Err(problems.sorted().iter().map(|it| it.message.clone()).collect());
    };
    let mut resources = Resources::default();
    if may_run {
        resources.allow_programs();
    }
    for path in files(&settings) {
        resources.add_file(path, Bytes::from_static(b"print('hi')"));
    }
    open(&settings, &resources).map(Option::unwrap).map_err(|why| vec![why])
}

fn picture() -> Picture {
    testing::picture(image::RgbImage::from_pixel(8, 6, image::Rgb([9, 9, 9])))
}

#[test]
fn the_program_gets_the_case_and_its_files() {
    let table =
        json!({"run": ["python3", "checks/brand.py", "--x=/y"], "files": ["checks/lib.py"]});
    let check = command(&table, true).unwrap();
    let case = testing::case(&json!({"size": "8x6"}), &["brand"]);
    let asked = check.ask(&picture(), &Scene::of(&case), &[]);
    let Some(Asking::Program(program)) = asked.first() else { panic!("{asked:?}") };
    let files: Vec<_> = program.files.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(files, ["checks/brand.py", "checks/lib.py"]);
    assert_eq!(program.input["expect"], json!({"size": "8x6"}));
    assert_eq!(program.input["tags"], json!(["brand"]));
    assert_eq!(program.input["width"], 8);
    assert!(program.picture.bytes.starts_with(b"\x89PNG"));
}

#[test]
fn a_policy_that_is_not_on_the_base_branch_runs_nothing() {
    let check = command(&json!({"run": ["sh", "-c", "id"]}), false).unwrap();
    let case = testing::case(&json!({}), &[]);
    let scene = Scene::of(&case);
    assert!(check.ask(&picture(), &scene, &[]).is_empty());
    assert!(check.cannot(&case).is_some());
    let found = check.inspect(&picture(), &scene);
    assert_eq!(found.first().unwrap().result, CheckResult::Skipped);
}

#[test]
fn what_is_printed_is_read_as_a_stranger_s_text() {
    let found = printed(
        r#"{"result": "fail", "message": "too\nred \u001b[31m", "measured": {"red": 0.4, "unavailable": true}, "region": [1, 2, 3, 4]}"#,
        [100, 100],
    )
    .unwrap();
    let found = found.first().unwrap();
    assert_eq!((found.result, found.message.as_str()), (CheckResult::Fail, "too red  [31m"));
    assert_eq!(found.measured.len(), 1);
    assert_eq!(found.region, Some([1, 2, 3, 4]));
    let two = r#"{"findings": [{"result": "pass", "message": "a"}, {"result": "skipped", "message": "b"}]}"#;
    assert_eq!(printed(two, [9, 9]).unwrap().len(), 2);
    for wrong in [
        "",
        "pass",
        "[]",
        "{}",
        r#"{"result": "ok", "message": ""}"#,
        r#"{"result": "pass"}"#,
        r#"{"findings": []}"#,
        r#"{"result": "pass", "message": " "}"#,
        r#"{"result": "pass", "message": "", "region": [-1, 0, 0, 0]}"#,
        "{\"result\": \"pass\", \"message\": \"a\"}\n{\"result\": \"pass\", \"message\": \"b\"}",
    ] {
        assert!(printed(wrong, [9, 9]).is_err(), "{wrong}");
    }
    let check = command(&json!({"run": ["true"]}), true).unwrap();
    let case = testing::case(&json!({}), &[]);
    let heard = [Heard::Printed(Err("it ended with exit code 1".to_owned()))];
    let found = check.hear(&Scene::of(&case), vec![], &heard);
    assert_eq!(found.first().unwrap().result, CheckResult::Skipped);
    assert!(found.first().unwrap().measured.contains_key(UNAVAILABLE));
}

proptest! {
    #[test]
    fn text_is_no_finding(text in "(?s).{0,200}") {
        prop_assume!(serde_json::from_str::<Value>(text.trim()).is_err());
        prop_assert!(printed(&text, [9, 9]).is_err());
    }
}

#[test]
fn a_place_is_one_on_the_picture() {
    let place = |region: [u32; 4]| {
        let text = json!({"result": "fail", "message": "x", "region": region}).to_string();
        printed(&text, [10, 8]).unwrap().remove(0).region
    };
    assert_eq!(place([2, 3, 4, 5]), Some([2, 3, 4, 5]));
    assert_eq!(place([2, 3, 400, u32::MAX]), Some([2, 3, 8, 5]));
    assert_eq!(place([10, 0, 1, 1]), None);
    assert_eq!(place([u32::MAX, u32::MAX, u32::MAX, u32::MAX]), None);
}

#[test]
fn what_is_run_lies_in_the_repository_or_is_installed() {
    let needed = |run: &[&str]| -> Vec<String> {
        let mut problems = Problems::new();
        let settings = read(&Node::from_json(&json!({"run": run})), &mut problems).unwrap();
        files(&settings).iter().map(ToString::to_string).collect()
    };
    assert_eq!(needed(&["./brand.sh", "--strict"]), ["brand.sh"]);
    assert_eq!(needed(&[".github/brand.sh"]), [".github/brand.sh"]);
    assert_eq!(needed(&["/usr/bin/python3", "checks/a.py", "/etc/x", "-I/y"]), ["checks/a.py"]);
    assert_eq!(needed(&["sh", "-c", "id"]), [""; 0]);
    for elsewhere in ["../brand.sh", "./../brand.sh", ".//brand.sh", "a/../../b"] {
        assert!(command(&json!({"run": [elsewhere]}), true).is_err(), "{elsewhere}");
    }
}

#[test]
fn mistakes_are_reported_all_at_once() {
    let table = json!({"run": [], "timeout": "1h", "max_output": 0});
    let Err(problems) = command(&table, true) else { panic!("all of it is wrong") };
    assert_eq!(problems.len(), 3, "{problems:?}");
}
