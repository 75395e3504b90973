/** What it takes to describe a family: attribute tables, and codecs for what attributes hold. */
export {
  type AttributeSpec,
  type AttributesOf,
  type AttributeTable,
  attribute,
  attributeTable,
  nest,
  repeated,
} from '../netlink/wire/attributes.ts';
export {
  array,
  be16,
  be32,
  be64,
  bool8,
  type Codec,
  enumeration,
  flag,
  flagSet,
  hex,
  ip,
  ipv4,
  ipv6,
  lladdr,
  reserved,
  s32,
  string,
  text,
  u8,
  u16,
  u32,
  u64,
} from '../netlink/wire/codec.ts';
export { struct } from '../netlink/wire/struct.ts';
export { WireError } from '../netlink/wire/view.ts';
export { type Indexed, indexedList, repeatedNest } from './nests.ts';
