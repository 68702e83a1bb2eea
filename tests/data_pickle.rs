//! Python pickles: what is read, and that nothing else is, let alone run.

mod data_support;

use data_support::*;
use gemmnist::data::{self, Splits};

fn load(folder: &Folder, name: &str) -> gemmnist::Result<Splits> {
    data::load_folder(&folder.file(name))
}

/// Holds the command to its word about a bad pickle: refused in one line, with these parts.
#[track_caller]
fn assert_pickle_refused(bytes: &[u8], parts: &[&str]) {
    for bytes in [bytes.to_vec(), gzip(bytes)] {
        let folder = Folder::with(&[("evil.pkl", bytes)]);
        assert_refused(&folder, "evil.pkl", parts);
    }
}

#[test]
fn every_protocol_of_numpys_pickles_is_read() {
    let names = (0..6).map(|protocol| format!("numpy-protocol-{protocol}.pkl"));
    for name in names.chain((0..3).map(|protocol| format!("python2-protocol-{protocol}.pkl"))) {
        let splits = data::load_folder(&golden_format(&name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(splits, golden_splits(), "{name}");
    }
}

#[test]
fn the_classic_file_is_read_from_itself_and_from_its_folder() {
    let bytes = std::fs::read(golden_format("mnist.pkl.gz")).unwrap();
    let folder = Folder::with(&[("mnist.pkl.gz", bytes), ("README.md", b"# digits".to_vec())]);
    assert_eq!(load(&folder, "mnist.pkl.gz").unwrap(), golden_splits());
    assert_eq!(data::load_folder(folder.path()).unwrap(), golden_splits());
    let (code, out, err) = gemmnist(&["data", "verify"], folder.path());
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("byte / 256, as in the classic mnist.pkl.gz") && out.contains("validation"), "{out}");
}

#[test]
fn what_python_2_wrote_is_read_byte_for_byte() {
    let splits = data::load_folder(&golden_format("cpickle.pkl.gz")).unwrap_or_else(|error| panic!("{error}"));
    let image = |i: usize| -> Vec<u8> { (0..9).map(|p| ((37 * i + 29 * p) % 256) as u8).collect() };
    let validation = splits.validation.as_ref().unwrap();
    let mut first = 0;
    for (images, count) in [(&splits.train, 10), (validation, 2), (&splits.test, 3)] {
        assert_eq!((images.len(), images.size()), (count, (3, 3)));
        for i in 0..count {
            assert_eq!((images.image(i), images.labels()[i]), (&image(first + i)[..], ((first + i) % 3) as u8));
        }
        first += count;
    }
}

#[test]
fn other_scales_shapes_types_and_lists_give_the_same_images() {
    for name in ["by-255-f8-big-endian.pkl", "lists-of-bytes.pkl"] {
        assert_eq!(data::load_folder(&golden_format(name)).unwrap(), golden_splits(), "{name}");
    }
}

#[test]
fn two_pickles_in_a_folder_are_refused_by_name() {
    let bytes = std::fs::read(golden_format("mnist.pkl.gz")).unwrap();
    let folder = Folder::with(&[("a.pkl.gz", bytes.clone()), ("b.pkl.gz", bytes)]);
    assert_refused(&folder, "", &["pickles: expected one in the folder, found a.pkl.gz, b.pkl.gz"]);
}

// ---- what Python would run

#[test]
fn a_pickle_that_calls_something_is_refused_by_name_and_nothing_is_run() {
    let proof = Folder::empty().file("proof");
    let command = format!("touch {}", proof.display());
    let short = |text: &str| [&[0x8c, text.len() as u8], text.as_bytes()].concat();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (format!("cos\nsystem\n(S'{command}'\ntR.").into_bytes(), "the name os.system"),
        (format!("\u{80}\u{2}cposix\nsystem\n(V{command}\ntR.").chars().map(|c| c as u8).collect(), "posix.system"),
        (format!("(S'{command}'\nios\nsystem\n.").into_bytes(), "opcode INST"),
        (
            [&b"\x80\x04"[..], &short("os"), &short("system"), b"\x93", &short(&command), b"\x85R."].concat(),
            "os.system",
        ),
        (b"\x80\x02c__builtin__\neval\nX\x01\0\0\x001\x85R.".to_vec(), "the name __builtin__.eval"),
        (b"\x80\x03cbuiltins\nexec\n.".to_vec(), "the name builtins.exec"),
        (b"\x80\x02cnumpy\nload\n.".to_vec(), "the name numpy.load"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n.".to_vec(), "numpy.core.multiarray.scalar"),
        (b"\x80\x02c_codecs\ndecode\n.".to_vec(), "_codecs.decode"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.".to_vec(), "opcode NEWOBJ"),
        (b"\x80\x04cnumpy\nndarray\n)}\x92.".to_vec(), "opcode EMPTY_DICT"),
        (b"\x80\x02Pname\n.".to_vec(), "opcode PERSID"),
        (b"\x80\x02K\x01Q.".to_vec(), "opcode BINPERSID"),
        (b"\x80\x02\x82\x01.".to_vec(), "opcode EXT1"),
        (b"\x80\x02\x83\x01\0.".to_vec(), "opcode EXT2"),
        (b"\x80\x02\x84\x01\0\0\0.".to_vec(), "opcode EXT4"),
        (b"\x80\x05K\x01\x98.".to_vec(), "opcode READONLY_BUFFER"),
        (b"\x80\x04\x8f.".to_vec(), "opcode EMPTY_SET"),
        (b"\x80\x04(\x91.".to_vec(), "opcode FROZENSET"),
        (b"\x80\x04cnumpy\nndarray\n)N\x92.".to_vec(), "opcode NEWOBJ_EX"),
        (b"c__builtin__\ngetattr\n(c__builtin__\n__import__\n(S'os'\ntRS'system'\ntR.".to_vec(), "__builtin__.getattr"),
        ([&b"\x80\x04"[..], &short("builtins"), &short("getattr"), b"\x93."].concat(), "the name builtins.getattr"),
        ([&b"\x80\x04"[..], &short("numpy"), &short("ndarray.__class__"), b"\x93."].concat(), "ndarray.__class__"),
        (b"\x80\x02ccopy_reg\n_reconstructor\n.".to_vec(), "the name copy_reg._reconstructor"),
        (b"\x80\x02csubprocess\nPopen\n.".to_vec(), "the name subprocess.Popen"),
        (
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storageQ.".to_vec(),
            "torch._utils._rebuild_tensor_v2",
        ),
        (b"\x80\x02(X\x07\0\0\0storagetQ.".to_vec(), "opcode BINPERSID"),
        (b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x03\0\0\0hex\x86R.".to_vec(), "REDUCE of the name Encode"),
        (b"\x80\x02c_codecs\nencode\nK\x01b.".to_vec(), "BUILD of the name Encode"),
        (b"\x80\x05\x97.".to_vec(), "opcode NEXT_BUFFER"),
        (b"\x80\x02(cnumpy\nndarray\no.".to_vec(), "opcode OBJ"),
        (b"\x80\x02K\x01K\x02b.".to_vec(), "BUILD of 1 from 2"),
        (b"\x80\x02cnumpy\nndarray\n)b.".to_vec(), "BUILD of the name NdArray"),
        (b"\x80\x02cnumpy\nndarray\n)R.".to_vec(), "REDUCE of the name NdArray"),
        (b"\x80\x02cnumpy\ndtype\nX\x02\0\0\0O8\x89\x88\x87R.".to_vec(), "REDUCE of the name Dtype"),
        (b"\x80\x02K\x05)R.".to_vec(), "REDUCE of 5"),
        (b"\x80\x02)K\x05R.".to_vec(), "REDUCE of a sequence of 0"),
    ];
    for (bytes, what) in cases {
        assert_pickle_refused(&bytes, &["pickle: expected arrays of NumPy and nothing else", what]);
    }
    assert!(!proof.exists());
}

#[test]
fn a_name_that_a_terminal_would_obey_is_shown_harmlessly() {
    assert_pickle_refused(b"\x80\x04\x8c\x04\x1b[2J\x8c\x02\n\n\x93.", &["\\u{1b}[2J.\\n\\n"]);
    assert_pickle_refused(b"\x80\x02c\x1b[2J\n", &["a line: expected at most 200 printable characters"]);
}

#[test]
fn every_opcode_is_one_that_only_makes_values_or_is_refused() {
    // Those that make plain values, move them, or remember them; GLOBAL, STACK_GLOBAL, REDUCE and BUILD, which are held to
    // NumPy's names above; and STOP. All others, known today or not, have to be refused by themselves.
    let harmless = b"(012NIJKLMSTUVXBC)]tlaecRbpqrghj.\x80\x85\x86\x87\x88\x89\x8a\x8c\x8d\x8e\x93\x94\x95\x96";
    for opcode in (0..=u8::MAX).filter(|opcode| !harmless.contains(opcode)) {
        let folder = Folder::with(&[("evil.pkl", [&b"\x80\x02"[..], &[opcode], &[0; 16]].concat())]);
        let message = load(&folder, "evil.pkl").unwrap_err().to_string();
        let by_itself = message.contains("found opcode ") || message.contains("expected a pickle's opcodes");
        assert!(by_itself && message.contains("before byte 3"), "{opcode:#04x}: {message}");
    }
}

// ---- bombs

#[test]
fn claims_of_a_string_beyond_the_file_are_refused() {
    for start in [&b"\x80\x04\x8e"[..], b"\x80\x05\x96", b"\x80\x04\x8d"] {
        assert_pickle_refused(&[start, &u64::MAX.to_le_bytes()].concat(), &["size of its strings: expected at most"]);
        assert_pickle_refused(&[start, &(1_u64 << 28).to_le_bytes()].concat(), &["a string of 268435456 bytes"]);
    }
    for start in [&b"\x80\x02T"[..], b"\x80\x03B", b"\x80\x02X"] {
        assert_pickle_refused(&[start, &u32::MAX.to_le_bytes()].concat(), &["size of its strings: expected at most"]);
    }
}

#[test]
fn bombs_of_lists_values_memo_and_opcodes_are_refused() {
    let many = |start: &[u8], repeated: &[u8]| [b"\x80\x02", start, &repeated.repeat(70_000), b"."].concat();
    assert_pickle_refused(&many(b"", b"("), &["at most 4096 values on the stack"]);
    assert_pickle_refused(&many(b"", b"]"), &["at most 4096 objects"]);
    assert_pickle_refused(&many(b"N", b"2"), &["at most 4096 values on the stack"]);
    assert_pickle_refused(&many(b"N", b"20"), &["at most 65536 opcodes"]);
    assert_pickle_refused(&many(b"", b"N\x85"), &["at most 4096 objects"]);
    assert_pickle_refused(&many(b"]", b"2a"), &["at most 4096 values in a list"]);
    let memo: Vec<u8> = (0..5000_u32).flat_map(|key| [&b"r"[..], &(key << 16).to_le_bytes()].concat()).collect();
    assert_pickle_refused(&[&b"\x80\x02N"[..], &memo].concat(), &["at most 4096 values in the memo"]);
    let doubling = [&b"\x80\x02]q\0"[..], &b"(h\0h\0e".repeat(13), b"."].concat();
    assert_pickle_refused(&doubling, &["two or three pairs"]);
    let nested = [&b"\x80\x02N"[..], &b"\x85".repeat(4000), b"."].concat();
    assert_pickle_refused(&nested, &["two or three pairs", "found a sequence of 1"]);
}

#[test]
fn shapes_that_overflow_or_do_not_fit_their_bytes_are_refused() {
    let array = |shape: &[u8]| {
        let start = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R(K\x01";
        let dtype = b"cnumpy\ndtype\nU\x02f4K\0K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89U\x04aaaatb.";
        [start, shape, &dtype[..]].concat()
    };
    assert_pickle_refused(&array(b"K\x01\x85"), &["two or three pairs", "found an array"]); // fits
    for shape in [
        &b"\x8a\x06\0\0\0\0\0\x01\x85"[..],
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x86",
        b"J\xff\xff\xff\xff\x85",
        b"K\x02\x85",
        b"N",
        b"(K\x01K\x01K\x01K\x01K\x01t",
    ] {
        assert_pickle_refused(&array(shape), &["BUILD of an array without content"]);
    }
}

#[test]
fn what_python_would_not_accept_is_refused() {
    for bytes in [
        &b"\x80\x02."[..],
        b"\x80\x02R.",
        b"\x80\x02K\x01R.",
        b"\x80\x02(.",
        b"\x80\x02t.",
        b"\x80\x02h\x05.",
        b"\x80\x02q\x05.",
        b"\x80\x02a.",
        b"\x80\x02(e.",
        b"\x80\x02\x93.",
        b"\x80\x020.",
        b"\x80\x022.",
        b"\x80\x021.",
        b"\x80\x02I12x\n.",
        b"\x80\x02I99999999999999999999\n.",
        b"\x80\x02L5L\n.",
        b"\x80\x02\x8a\x09123456789.",
        b"\x80\x02X\x01\0\0\0\xff.",
        b"\x80\x02S'abc\n.",
        b"\x80\x02S'a\\xzz'\n.",
        b"\x80\x02V\\ud800\n.",
        b"\x80\x02V\\x41\n.",
        b"\x80\x06N.",
        b"\x80\x02\xff.",
        b"\x80\x02N..",
        b"\x80\x02",
    ] {
        assert_pickle_refused(bytes, &[]);
    }
}

#[test]
fn a_pickle_cut_at_any_byte_is_refused() {
    for name in golden_pickles() {
        let whole = std::fs::read(golden_format(&name)).unwrap();
        let folder = Folder::empty();
        for length in 0..whole.len() {
            folder.put("a.pkl", &whole[..length]);
            assert!(load(&folder, "a.pkl").is_err(), "{name} cut to {length} bytes was loaded");
        }
    }
}

#[test]
fn a_flipped_bit_in_a_pickle_gives_an_error_or_images_of_the_same_shape() {
    for name in golden_pickles() {
        let whole = std::fs::read(golden_format(&name)).unwrap();
        let folder = Folder::empty();
        let step = if whole.len() > 1000 { 7 } else { 1 }; // of the long ones every seventh: enough, and in bearable time
        for bit in (0..8 * whole.len()).step_by(step) {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            folder.put("a.pkl", &flipped);
            if let Ok(splits) = load(&folder, "a.pkl") {
                assert_eq!((splits.train.len(), splits.test.len()), (6, 3), "{name}: bit {bit}");
            }
        }
    }
}

fn golden_pickles() -> Vec<String> {
    let names = ["mnist.pkl.gz", "python2-protocol-0.pkl", "numpy-protocol-0.pkl", "numpy-protocol-2.pkl"];
    names.into_iter().chain(["numpy-protocol-5.pkl"]).map(str::to_owned).collect()
}
