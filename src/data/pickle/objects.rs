//! What a pickle may make: plain values, and arrays by the five functions of NumPy's that make them.

use crate::data::array::{Array, ElementType};

/// Number of an object in the order they were made. Objects name each other by number, so that nothing recurses.
pub(super) type Id = usize;

#[derive(Debug)]
pub(super) enum Object {
    None,
    Int(i64),
    /// Of Python 3, or a string of Python 2.
    Bytes(Vec<u8>),
    Text(String),
    Sequence(Vec<Id>),
    Global(Global),
    Dtype(ElementType),
    /// An array that was not given its content yet.
    Blank,
    Array(Array),
}

/// The globals that may be named. They stand for what is done here; nothing is looked up, nothing is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    Reconstruct,
    NdArray,
    Dtype,
    Encode,
    FromBuffer,
}

impl Global {
    pub fn find(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Some(Self::Reconstruct),
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Some(Self::FromBuffer),
            ("numpy", "ndarray") => Some(Self::NdArray),
            ("numpy", "dtype") => Some(Self::Dtype),
            ("_codecs", "encode") => Some(Self::Encode),
            _ => None,
        }
    }
}

/// Everything a pickle has made.
#[derive(Debug, Default)]
pub(super) struct Objects(pub Vec<Object>);

/// A string that is longer is taken, not copied, and can then not be used again: so a pickle cannot have one string
/// copied many times. NumPy refers to long strings once.
const COPIED: usize = 256;

#[expect(clippy::indexing_slicing, reason = "an id is handed out with its object, and none is taken away")]
impl Objects {
    fn at(&self, id: Id) -> &Object {
        &self.0[id]
    }

    pub fn at_mut(&mut self, id: Id) -> &mut Object {
        &mut self.0[id]
    }
}

impl Objects {
    fn int(&self, id: Id) -> Option<i64> {
        match *self.at(id) {
            Object::Int(value) => Some(value),
            _ => None,
        }
    }

    /// A text, of Python 2 or 3.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.at(id) {
            Object::Text(text) => Some(text),
            Object::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    pub fn sequence(&self, id: Id) -> Option<&[Id]> {
        match self.at(id) {
            Object::Sequence(ids) => Some(ids),
            _ => None,
        }
    }

    pub fn array(&self, id: Id) -> Option<&Array> {
        match self.at(id) {
            Object::Array(array) => Some(array),
            _ => None,
        }
    }

    fn is_false(&self, id: Id) -> bool {
        self.int(id) == Some(0)
    }

    fn shape(&self, id: Id) -> Option<Vec<u64>> {
        self.sequence(id)?.iter().map(|&size| u64::try_from(self.int(size)?).ok()).collect()
    }

    fn take_bytes(&mut self, id: Id) -> Option<Vec<u8>> {
        match self.at_mut(id) {
            Object::Bytes(bytes) if bytes.len() <= COPIED => Some(bytes.clone()),
            object @ Object::Bytes(_) => match std::mem::replace(object, Object::None) {
                Object::Bytes(bytes) => Some(bytes),
                _ => None,
            },
            _ => None,
        }
    }

    /// What `callable(*args)` makes, if it is one of the calls that NumPy's pickles have.
    pub fn reduce(&mut self, callable: Id, args: Id) -> Option<Object> {
        let Object::Global(global) = *self.at(callable) else { return None };
        let args = self.sequence(args)?.to_vec();
        match (global, &args[..]) {
            (Global::Reconstruct, &[class, shape, kind]) => {
                let of_arrays = matches!(self.at(class), Object::Global(Global::NdArray));
                let blank = self.shape(shape)? == [0] && self.text(kind)? == "b";
                (of_arrays && blank).then_some(Object::Blank)
            }
            (Global::Dtype, &[name, align, copy]) => {
                let plain = self.is_false(align) && matches!(self.int(copy)?, 0 | 1);
                ElementType::parse(self.text(name)?).filter(|_| plain).map(Object::Dtype)
            }
            (Global::Encode, &[text, encoding]) => {
                if !matches!(self.text(encoding)?, "latin1" | "latin-1") || !matches!(self.at(text), Object::Text(_)) {
                    return None;
                }
                let latin1 = |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<_>>();
                let bytes = latin1(self.text(text)?)?;
                if self.text(text)?.len() > COPIED {
                    *self.at_mut(text) = Object::None;
                }
                Some(Object::Bytes(bytes))
            }
            (Global::FromBuffer, &[data, dtype, shape, order]) => {
                let Object::Dtype(element) = *self.at(dtype) else { return None };
                let (shape, rows_first) = (self.shape(shape)?, self.text(order)? == "C");
                let data = self.take_bytes(data).filter(|_| rows_first)?;
                Array::new(element, &shape, data).map(Object::Array)
            }
            _ => None,
        }
    }

    /// Gives `object` its state, if it is an array or a dtype and the state is one that NumPy writes.
    pub fn build(&mut self, object: Id, state: Id) -> Option<()> {
        let state = self.sequence(state)?.to_vec();
        let built = match (self.at(object), &state[..]) {
            // version, shape, dtype, in Fortran's order, content
            (Object::Blank, &[version, shape, dtype, by_columns, data]) => {
                let Object::Dtype(element) = *self.at(dtype) else { return None };
                let known = self.int(version)? == 1 && self.is_false(by_columns);
                let shape = self.shape(shape).filter(|_| known)?;
                Object::Array(Array::new(element, &shape, self.take_bytes(data)?)?)
            }
            // version, byte order, no sub-array, no names, no fields, size, alignment, no flags
            (&Object::Dtype(element), &[version, order, a, b, c, _, _, flags]) => {
                let plain = [a, b, c].iter().all(|&id| matches!(self.at(id), Object::None)) && self.is_false(flags);
                let known = self.int(version)? == 3 && plain;
                Object::Dtype(element.ordered(self.text(order)?).filter(|_| known)?)
            }
            _ => return None,
        };
        *self.at_mut(object) = built;
        Some(())
    }

    /// What `id` is, in a word or two, for messages.
    pub fn describe(&self, id: Id) -> String {
        match self.at(id) {
            Object::None => "None".to_owned(),
            Object::Int(value) => value.to_string(),
            Object::Bytes(_) | Object::Text(_) => "a string".to_owned(),
            Object::Sequence(ids) => format!("a sequence of {}", ids.len()),
            Object::Global(global) => format!("the name {global:?}"),
            Object::Dtype(_) => "a dtype".to_owned(),
            Object::Blank => "an array without content".to_owned(),
            Object::Array(_) => "an array".to_owned(),
        }
    }
}
