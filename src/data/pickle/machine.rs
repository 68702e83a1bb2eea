//! Python's pickle machine (protocols 0 to 5), as far as arrays need it. It can make values and arrays, nothing else.
//!
//! <https://github.com/python/cpython/blob/main/Lib/pickletools.py> tells what each opcode does.

use std::collections::BTreeMap;
use std::path::Path;

use super::input::Input;
use super::objects::{Global, Id, Object, Objects};
use crate::data::content::FETCH_AGAIN;
use crate::error::{Error, Result, shown};

/// Opcodes that we agree to run; MNIST's pickles have under 200.
const MAX_STEPS: usize = 1 << 16;
/// Objects that we agree to make, values on the stack, and values to remember.
const MAX_OBJECTS: usize = 1 << 12;
/// What to do about a pickle that wants more than arrays.
const ONLY_ARRAYS: &str =
    "save the arrays alone, with pickle.dump or numpy.savez; nothing else of a pickle is read or run";

/// Opcodes that are refused, by name: they make other objects, call what the pickle names, or look outside it.
const REFUSED: &[(u8, &str)] = &[
    (b'i', "INST"),
    (b'o', "OBJ"),
    (b'P', "PERSID"),
    (b'Q', "BINPERSID"),
    (0x81, "NEWOBJ"),
    (0x92, "NEWOBJ_EX"),
    (0x82, "EXT1"),
    (0x83, "EXT2"),
    (0x84, "EXT4"),
    (b'}', "EMPTY_DICT"),
    (b'd', "DICT"),
    (b's', "SETITEM"),
    (b'u', "SETITEMS"),
    (0x8f, "EMPTY_SET"),
    (0x90, "ADDITEMS"),
    (0x91, "FROZENSET"),
    (0x97, "NEXT_BUFFER"),
    (0x98, "READONLY_BUFFER"),
    (b'F', "FLOAT"),
    (b'G', "BINFLOAT"),
    (0x8b, "LONG4"),
];

/// Runs the pickle in `path` to its end: all it made, and which of it is the result.
pub(super) fn run(path: &Path) -> Result<(Objects, Id)> {
    let mut machine =
        Machine { input: Input::open(path)?, objects: Objects::default(), stack: Vec::new(), memo: BTreeMap::new() };
    for _ in 0..MAX_STEPS {
        let opcode = machine.input.byte()?;
        if opcode == b'.' {
            let result = machine.pop("STOP")?;
            return match machine.input.is_at_end()? {
                true => Ok((machine.objects, result)),
                false => Err(machine.input.refuse("content", "the end of the file", "more", FETCH_AGAIN)),
            };
        }
        machine.step(opcode)?;
    }
    Err(machine.input.refuse("pickle", format!("at most {MAX_STEPS} opcodes"), "more", ONLY_ARRAYS))
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    Mark,
    Value(Id),
}

struct Machine<'a> {
    input: Input<'a>,
    objects: Objects,
    stack: Vec<Slot>,
    memo: BTreeMap<u32, Id>,
}

impl Machine<'_> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            0x80 => self.protocol(),                                                      // PROTO
            0x95 => self.input.array::<8>().map(drop), // FRAME: only tells how much to read ahead
            b'(' => self.push_slot(Slot::Mark),        // MARK
            b'0' => self.pop_any(),                    // POP
            b'1' => self.pop_mark("POP_MARK").map(drop), // POP_MARK
            b'2' => self.duplicate(),                  // DUP
            b'N' => self.push(Object::None),           // NONE
            0x88 => self.push(Object::Int(1)),         // NEWTRUE
            0x89 => self.push(Object::Int(0)),         // NEWFALSE
            b'I' | b'L' => self.decimal(),             // INT, LONG
            b'J' => self.number(|input| Ok(i32::from_le_bytes(input.array()?).into())), // BININT
            b'K' => self.number(|input| Ok(input.byte()?.into())), // BININT1
            b'M' => self.number(|input| Ok(u16::from_le_bytes(input.array()?).into())), // BININT2
            0x8a => self.long(),                       // LONG1
            b'S' => self.bytes(|input| input.quoted()), // STRING
            b'T' | b'B' => self.bytes(sized::<4>),     // BINSTRING, BINBYTES
            b'U' | b'C' => self.bytes(sized::<1>),     // SHORT_BINSTRING, SHORT_BINBYTES
            0x8e | 0x96 => self.bytes(sized::<8>),     // BINBYTES8, BYTEARRAY8
            b'V' => self.text(|input| input.escaped()), // UNICODE
            b'X' => self.text(utf8::<4>),              // BINUNICODE
            0x8c => self.text(utf8::<1>),              // SHORT_BINUNICODE
            0x8d => self.text(utf8::<8>),              // BINUNICODE8
            b')' | b']' => self.push(Object::Sequence(Vec::new())), // EMPTY_TUPLE, EMPTY_LIST
            b't' | b'l' => self.sequence_from_mark(),  // TUPLE, LIST
            0x85..=0x87 => self.sequence_of(usize::from(opcode - 0x84)), // TUPLE1, TUPLE2, TUPLE3
            b'a' => self.append(),                     // APPEND
            b'e' => self.appends(),                    // APPENDS
            b'c' => self.global_in_lines(),            // GLOBAL
            0x93 => self.global_on_stack(),            // STACK_GLOBAL
            b'R' => self.reduce(),                     // REDUCE
            b'b' => self.build(),                      // BUILD
            b'p' => self.put_decimal(),                // PUT
            b'q' => self.input.byte().and_then(|key| self.put(key.into())), // BINPUT
            b'r' => self.input.array().and_then(|key| self.put(u32::from_le_bytes(key))), // LONG_BINPUT
            0x94 => self.put(self.memo.len() as u32),  // MEMOIZE
            b'g' => self.get_decimal(),                // GET
            b'h' => self.input.byte().and_then(|key| self.get(key.into())), // BINGET
            b'j' => self.input.array().and_then(|key| self.get(u32::from_le_bytes(key))), // LONG_BINGET
            _ => Err(self.refused(opcode)),
        }
    }

    fn refused(&self, opcode: u8) -> Error {
        match REFUSED.iter().find(|(refused, _)| *refused == opcode) {
            Some((_, name)) => self.only_arrays(format!("opcode {name}")),
            None => self.input.refuse("pickle", "a pickle's opcodes", format!("{opcode:#04x}"), FETCH_AGAIN),
        }
    }

    fn only_arrays(&self, found: String) -> Error {
        self.input.refuse("pickle", "arrays of NumPy and nothing else", found, ONLY_ARRAYS)
    }

    fn too_many(&self, what: &str) -> Error {
        self.input.refuse("pickle", format!("at most {MAX_OBJECTS} {what}"), "more", ONLY_ARRAYS)
    }

    fn protocol(&mut self) -> Result<()> {
        match self.input.byte()? {
            0..=5 => Ok(()),
            other => Err(self.input.refuse("pickle protocol", "0 to 5", other, "save it with protocol=2")),
        }
    }

    // ---- the stack

    fn push_slot(&mut self, slot: Slot) -> Result<()> {
        if self.stack.len() >= MAX_OBJECTS {
            return Err(self.too_many("values on the stack"));
        }
        self.stack.push(slot);
        Ok(())
    }

    fn push(&mut self, object: Object) -> Result<()> {
        if self.objects.0.len() >= MAX_OBJECTS {
            return Err(self.too_many("objects"));
        }
        self.objects.0.push(object);
        self.push_slot(Slot::Value(self.objects.0.len() - 1))
    }

    fn underflow(&self, opcode: &str) -> Error {
        self.input.refuse("pickle", format!("values for {opcode} on the stack"), "too few", FETCH_AGAIN)
    }

    fn pop(&mut self, opcode: &str) -> Result<Id> {
        match self.stack.pop() {
            Some(Slot::Value(id)) => Ok(id),
            _ => Err(self.underflow(opcode)),
        }
    }

    fn top(&self, opcode: &str) -> Result<Id> {
        match self.stack.last() {
            Some(&Slot::Value(id)) => Ok(id),
            _ => Err(self.underflow(opcode)),
        }
    }

    /// The values above the topmost mark, which goes with them.
    fn pop_mark(&mut self, opcode: &str) -> Result<Vec<Id>> {
        let mut ids = Vec::new();
        loop {
            match self.stack.pop() {
                Some(Slot::Value(id)) => ids.push(id),
                Some(Slot::Mark) => break,
                None => return Err(self.underflow(opcode)),
            }
        }
        ids.reverse();
        Ok(ids)
    }

    fn pop_any(&mut self) -> Result<()> {
        self.stack.pop().map(drop).ok_or_else(|| self.underflow("POP"))
    }

    fn duplicate(&mut self) -> Result<()> {
        let top = self.top("DUP")?;
        self.push_slot(Slot::Value(top))
    }

    // ---- values

    fn number(&mut self, read: impl Fn(&mut Input) -> Result<i64>) -> Result<()> {
        let number = read(&mut self.input)?;
        self.push(Object::Int(number))
    }

    /// `00` and `01` are False and True, which are 0 and 1 here.
    fn decimal(&mut self) -> Result<()> {
        let line = self.input.line()?;
        let number = line.strip_suffix('L').unwrap_or(&line).parse();
        let number =
            number.map_err(|_| self.input.refuse("a number", "a 64-bit integer", shown(&line), FETCH_AGAIN))?;
        self.push(Object::Int(number))
    }

    fn long(&mut self) -> Result<()> {
        let count = usize::from(self.input.byte()?);
        if count > 8 {
            let found = format!("{count} bytes");
            return Err(self.input.refuse("a number", "at most 8 bytes", found, ONLY_ARRAYS));
        }
        let mut bits = 0_i64;
        for i in 0..count {
            bits |= i64::from(self.input.byte()?) << (8 * i);
        }
        let unused = 64 - 8 * count as u32; // its highest bit is the sign
        self.push(Object::Int(if count == 0 { 0 } else { bits << unused >> unused }))
    }

    fn bytes(&mut self, read: impl Fn(&mut Input) -> Result<Vec<u8>>) -> Result<()> {
        let bytes = read(&mut self.input)?;
        self.push(Object::Bytes(bytes))
    }

    fn text(&mut self, read: impl Fn(&mut Input) -> Result<String>) -> Result<()> {
        let text = read(&mut self.input)?;
        self.push(Object::Text(text))
    }

    // ---- tuples and lists, which are alike here

    fn sequence_from_mark(&mut self) -> Result<()> {
        let ids = self.pop_mark("TUPLE")?;
        self.push(Object::Sequence(ids))
    }

    fn sequence_of(&mut self, count: usize) -> Result<()> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(self.pop("TUPLE")?);
        }
        ids.reverse();
        self.push(Object::Sequence(ids))
    }

    fn append(&mut self) -> Result<()> {
        let id = self.pop("APPEND")?;
        self.extend("APPEND", &[id])
    }

    fn appends(&mut self) -> Result<()> {
        let ids = self.pop_mark("APPENDS")?;
        self.extend("APPENDS", &ids)
    }

    fn extend(&mut self, opcode: &str, more: &[Id]) -> Result<()> {
        let list = self.top(opcode)?;
        match self.objects.at_mut(list) {
            Object::Sequence(ids) if ids.len() + more.len() <= MAX_OBJECTS => {
                ids.extend(more);
                Ok(())
            }
            Object::Sequence(_) => Err(self.too_many("values in a list")),
            _ => Err(self.only_arrays(format!("{opcode} to {}", self.objects.describe(list)))),
        }
    }

    // ---- names and calls

    fn global_in_lines(&mut self) -> Result<()> {
        let (module, name) = (self.input.line()?, self.input.line()?);
        self.global(&module, &name)
    }

    fn global_on_stack(&mut self) -> Result<()> {
        let (name, module) = (self.pop("STACK_GLOBAL")?, self.pop("STACK_GLOBAL")?);
        match (self.objects.text(module), self.objects.text(name)) {
            (Some(module), Some(name)) => {
                let (module, name) = (module.to_owned(), name.to_owned());
                self.global(&module, &name)
            }
            _ => Err(self.underflow("STACK_GLOBAL")),
        }
    }

    fn global(&mut self, module: &str, name: &str) -> Result<()> {
        let global = Global::find(module, name)
            .ok_or_else(|| self.only_arrays(format!("the name {}", shown(&format!("{module}.{name}")))))?;
        self.push(Object::Global(global))
    }

    fn reduce(&mut self) -> Result<()> {
        let (args, callable) = (self.pop("REDUCE")?, self.pop("REDUCE")?);
        let called = self.objects.describe(callable);
        let made = self.objects.reduce(callable, args);
        let made = made.ok_or_else(|| {
            let found = format!("REDUCE of {called} with {}", self.objects.describe(args));
            self.only_arrays(format!("{found} that makes no array of plain numbers in C order"))
        })?;
        self.push(made)
    }

    fn build(&mut self) -> Result<()> {
        let state = self.pop("BUILD")?;
        let object = self.top("BUILD")?;
        self.objects.build(object, state).ok_or_else(|| {
            let found = format!("BUILD of {} from {}", self.objects.describe(object), self.objects.describe(state));
            self.only_arrays(format!("{found} that makes no array of plain numbers in C order"))
        })
    }

    // ---- the memo

    fn key(&mut self) -> Result<u32> {
        let line = self.input.line()?;
        line.parse().map_err(|_| self.input.refuse("a place in the memo", "a number", shown(&line), FETCH_AGAIN))
    }

    fn put_decimal(&mut self) -> Result<()> {
        let key = self.key()?;
        self.put(key)
    }

    fn get_decimal(&mut self) -> Result<()> {
        let key = self.key()?;
        self.get(key)
    }

    fn put(&mut self, key: u32) -> Result<()> {
        let top = self.top("PUT")?;
        self.memo.insert(key, top);
        if self.memo.len() > MAX_OBJECTS { Err(self.too_many("values in the memo")) } else { Ok(()) }
    }

    fn get(&mut self, key: u32) -> Result<()> {
        let Some(&id) = self.memo.get(&key) else {
            return Err(self.input.refuse("memo", "a value that was put there", format!("{key}"), FETCH_AGAIN));
        };
        self.push_slot(Slot::Value(id))
    }
}

/// A string after its length in `N` bytes, little-endian.
fn sized<const N: usize>(input: &mut Input) -> Result<Vec<u8>> {
    let length: [u8; N] = input.array()?;
    let length = length.iter().rev().fold(0, |length, &byte| length << 8 | u64::from(byte));
    input.bytes(length)
}

fn utf8<const N: usize>(input: &mut Input) -> Result<String> {
    let bytes = sized::<N>(input)?;
    String::from_utf8(bytes).map_err(|_| input.refuse("a text", "UTF-8", "other bytes", FETCH_AGAIN))
}
